"""What is left of an agent's limits. What an inner agent uses counts for every agent above it, too."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class Books:
    """What there is to know of the agents of one execution, by path.

    `granted`: the budget that each was told for its latest call of a model; `open`: the steps that have not ended.
    """

    steps: Mapping[str, StepState]
    open: Mapping[str, StepState]
    talks: Mapping[str, Conversation]
    granted: Mapping[str, Budget]
    is_agent: Callable[[str], bool]
    """Whether the tool at this path is one that talks, also before it does."""

    def in_flight(self, above: str, asking: str) -> Iterator[str]:
        """The agents below this one that a model has not answered yet, without the one that asks."""
        for path in self.granted:
            step = self.open.get(path)
            agent = None if step is None or not step.converses else step.agent
            waits = agent is not None and agent.answer is None and agent.calls is None
            if waits and path != asking and path.startswith(f"{above}#"):
                yield path


def budget_of(path: str, books: Books) -> Budget:
    """What the next call of this agent may take. Agents that talk at the same time share what those above them have
    left: what one was granted is not granted to another, so that all of them together stay within the limit.
    """
    budget = Budget()
    for above, talk, used in _chain(path, books.steps, books.talks):
        most_tokens, most_usd = talk.limits.max_total_tokens, talk.limits.max_cost_usd
        if most_tokens is None and most_usd is None:
            continue
        others = list(books.in_flight(above, path))
        granted, share = [books.granted[other] for other in others], _contenders(above, path, others, books)
        tokens = None if most_tokens is None else most_tokens - used.tokens - sum(each.tokens or 0 for each in granted)
        usd = None if most_usd is None else most_usd - used.cost_usd - sum(each.cost_usd or 0 for each in granted)
        part = Budget(None if tokens is None else tokens // share, None if usd is None else usd / share)
        budget = Budget(_least(budget.tokens, part.tokens), _least(budget.cost_usd, part.cost_usd))
    return budget


def _contenders(above: str, path: str, in_flight: Sequence[str], books: Books) -> int:
    """How many agents share what this one has left: the one that asks, and those called beside it that ask next."""
    beside = [each for each in books.open if owner_of(each) == above and books.is_agent(each)]
    return 1 + sum(not any(_is_within(asker, each) for asker in (path, *in_flight)) for each in beside)


def _is_within(path: str, agent: str) -> bool:
    return path == agent or path.startswith(f"{agent}#")


def is_too_deep(path: str, steps: Mapping[str, StepState], talks: Mapping[str, Conversation]) -> bool:
    """Whether more agents stand above one another here than any of them allows below itself."""
    return any(depth >= talk.limits.max_depth for depth, (_, talk, _) in enumerate(_chain(path, steps, talks)))


def _chain(
    path: str, steps: Mapping[str, StepState], talks: Mapping[str, Conversation]
) -> Iterator[tuple[str, Conversation, Used]]:
    """This agent, then those above it."""
    at: str | None = path
    while at is not None:
        agent = steps[at].agent
        if agent is not None:
            yield at, talks[at], agent.used
        at = owner_of(at)


def _least(one: N | None, other: N | None) -> N | None:
    return other if one is None else one if other is None else min(one, other)
