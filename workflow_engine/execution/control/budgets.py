"""What is left of an agent's limits. What an inner agent uses counts for every agent above it, too."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from workflow_engine.execution.control.conversation import Conversation
from workflow_engine.history.agents import Used, owner_of
from workflow_engine.history.events import StepError
from workflow_engine.history.steps import StepState
from workflow_engine.jsontext import JsonObject

N = TypeVar("N", int, float)


@dataclass(frozen=True, slots=True)
class Budget:
    """The least that any of the agents above leaves; None without a limit."""

    tokens: int | None = None
    cost_usd: float | None = None

    def written(self) -> JsonObject:
        return {"tokens": self.tokens, "cost_usd": self.cost_usd}

    @property
    def shortage(self) -> StepError | None:
        """Why no further call of a model may be made."""
        if self.tokens is not None and self.tokens <= 0:
            return StepError("agent-token-limit", "The agent's limit max_total_tokens is used up")
        if self.cost_usd is not None and self.cost_usd <= 0:
            return StepError("agent-cost-limit", "The agent's limit max_cost_usd is used up")
        return None


def budget_of(path: str, steps: Mapping[str, StepState], talks: Mapping[str, Conversation]) -> Budget:
    budget = Budget()
    for talk, used in _chain(path, steps, talks):
        tokens = None if talk.limits.max_total_tokens is None else talk.limits.max_total_tokens - used.tokens
        cost = None if talk.limits.max_cost_usd is None else talk.limits.max_cost_usd - used.cost_usd
        budget = Budget(_least(budget.tokens, tokens), _least(budget.cost_usd, cost))
    return budget


def is_too_deep(path: str, steps: Mapping[str, StepState], talks: Mapping[str, Conversation]) -> bool:
    """Whether more agents stand above one another here than any of them allows below itself."""
    return any(depth >= talk.limits.max_depth for depth, (talk, _) in enumerate(_chain(path, steps, talks)))


def _chain(
    path: str, steps: Mapping[str, StepState], talks: Mapping[str, Conversation]
) -> Iterator[tuple[Conversation, Used]]:
    """This agent, then those above it."""
    at: str | None = path
    while at is not None:
        agent = steps[at].agent
        if agent is not None:
            yield talks[at], agent.used
        at = owner_of(at)


def _least(one: N | None, other: N | None) -> N | None:
    return other if one is None else one if other is None else min(one, other)
