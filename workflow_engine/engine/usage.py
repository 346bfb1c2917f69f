"""What model calls used and cost: summed up for whoever asks, within the namespace of the caller."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workflow_engine.engine.caller import Caller
from workflow_engine.journal.contract import Journal
from workflow_engine.journal.usage import UsageFilter, UsageGroup, UsageTotals


@dataclass(frozen=True, slots=True)
class UsageReport:
    """`lines` are a page of the groups, the dearest first; `total` is of all of them."""

    wanted: UsageFilter
    lines: Sequence[UsageTotals]
    total: UsageTotals


class Usage:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    async def report(self, caller: Caller, wanted: UsageFilter) -> UsageReport:
        """Calls that are committed by now, grouped by one of the things they belong to; simulated ones are counted,
        and counted once more by themselves.
        """
        mine = replace(wanted, namespace=caller.namespace)
        whole = replace(mine, group_by=UsageGroup.NONE, limit=1, offset=0)
        if mine.group_by is UsageGroup.NONE:
            (total,) = await self._journal.usage(whole)
            return UsageReport(mine, (), total)
        lines, (total,) = await asyncio.gather(self._journal.usage(mine), self._journal.usage(whole))
        return UsageReport(mine, lines, total)
