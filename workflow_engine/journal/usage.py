"""What model calls used and cost: one row for each, written with the result it belongs to, and summed up on demand.

Bookkeeping outlives what it is about: a row stays when its execution is pruned, and has a retention of its own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

MOST_TOKENS: Final = 10**12
"""What is written of one call at most."""
MOST_USD: Final = 1e9


class UsageGroup(StrEnum):
    """What a report is grouped by."""

    NONE = "none"
    EXECUTION = "execution"
    STEP = "step"
    AGENT = "agent"
    USER = "user"
    PRINCIPAL = "principal"
    MODEL = "model"
    WORKFLOW = "workflow"
    NAMESPACE = "namespace"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One model call, or another step result that has a price.

    Counts that no model can reach are cut to `MOST_TOKENS` and `MOST_USD`: they come from workers, and what one of
    them makes up must not keep the result from being written, nor spoil the sums of others.
    """

    namespace: str
    execution_id: str
    path: str
    """Of the call itself."""
    step_id: str
    """The step of the document above it."""
    turn: int
    agent: str
    """The name of the agent."""
    model: str
    provider: str
    principal: str
    input_tokens: int
    output_tokens: int
    at: float
    cost_usd: float | None = None
    """None = nobody knows the price."""
    simulated: bool = False
    agent_id: str | None = None
    user_id: str | None = None
    workflow_id: str | None = None

    def __post_init__(self) -> None:
        for name in ("input_tokens", "output_tokens"):
            object.__setattr__(self, name, min(max(getattr(self, name), 0), MOST_TOKENS))
        cost = self.cost_usd
        if cost is not None:
            object.__setattr__(self, "cost_usd", min(max(cost, 0.0), MOST_USD) if math.isfinite(cost) else None)


@dataclass(frozen=True, slots=True)
class UsageFilter:
    """Which rows a report sums up; None = any."""

    group_by: UsageGroup = UsageGroup.NONE
    namespace: str | None = None
    since: float | None = None
    """From this instant on."""
    until: float | None = None
    """Before this instant."""
    execution_id: str | None = None
    workflow_id: str | None = None
    step_id: str | None = None
    agent: str | None = None
    agent_id: str | None = None
    user_id: str | None = None
    principal: str | None = None
    model: str | None = None
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """One line of a report."""

    key: str | None
    """What the line is about; None where rows do not say it, and without grouping."""
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float
    """The sum of the known prices."""
    unknown_cost_calls: int
    simulated_calls: int


class UsageLedger(Protocol):
    """The part of the `Journal` that is about usage; rows are written by `Commit.usage`."""

    async def usage(self, wanted: UsageFilter) -> Sequence[UsageTotals]:
        """The dearest first, then those with the most calls. Without grouping one line, also when there is nothing."""

    async def prune_usage(self, before: float, limit: int) -> int:
        """Delete rows from before this instant over all namespaces, the oldest first; answers how many went."""


# The fields of a row, and the columns of its table, by what a report is grouped by.
KEYS: Final = {
    UsageGroup.EXECUTION: "execution_id",
    UsageGroup.STEP: "step_id",
    UsageGroup.AGENT: "agent",
    UsageGroup.USER: "user_id",
    UsageGroup.PRINCIPAL: "principal",
    UsageGroup.MODEL: "model",
    UsageGroup.WORKFLOW: "workflow_id",
    UsageGroup.NAMESPACE: "namespace",
}
# The fields of a filter that rows have to agree with.
SAME: Final = (
    "namespace",
    "execution_id",
    "workflow_id",
    "step_id",
    "agent",
    "agent_id",
    "user_id",
    "principal",
    "model",
)


def sum_up(rows: Iterable[UsageRow], wanted: UsageFilter) -> Sequence[UsageTotals]:
    """What `UsageLedger.usage` answers, over rows in memory."""
    chosen = [row for row in rows if _matches(row, wanted)]
    key = _key_of(wanted.group_by)
    groups: dict[str | None, list[UsageRow]] = {}
    for row in chosen:
        groups.setdefault(key(row), []).append(row)
    if wanted.group_by is UsageGroup.NONE:
        groups = {None: chosen}
    lines = [_line(name, members) for name, members in groups.items()]
    lines.sort(key=lambda line: (-line.cost_usd, -line.calls, line.key or ""))
    return lines[wanted.offset : wanted.offset + wanted.limit]


def _matches(row: UsageRow, wanted: UsageFilter) -> bool:
    return (
        all(getattr(wanted, name) in (None, getattr(row, name)) for name in SAME)
        and (wanted.since is None or row.at >= wanted.since)
        and (wanted.until is None or row.at < wanted.until)
    )


def _key_of(group: UsageGroup) -> Callable[[UsageRow], str | None]:
    name = KEYS.get(group)
    return lambda row: None if name is None else getattr(row, name)


def _line(key: str | None, rows: Sequence[UsageRow]) -> UsageTotals:
    known = [row.cost_usd for row in rows if row.cost_usd is not None]
    return UsageTotals(
        key=key,
        calls=len(rows),
        input_tokens=sum(row.input_tokens for row in rows),
        output_tokens=sum(row.output_tokens for row in rows),
        cost_usd=sum(known, 0.0),
        unknown_cost_calls=len(rows) - len(known),
        simulated_calls=sum(row.simulated for row in rows),
    )
