"""What came of every scenario on every transport: a table for people, and whether all is well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    PASSED = "pass"
    FAILED = "FAIL"
    SKIPPED = "skip"


@dataclass(frozen=True, slots=True)
class Outcome:
    """`reason` is empty for a pass; `rule` points into the protocol page."""

    scenario: str
    rule: str
    transport: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    outcomes: tuple[Outcome, ...]

    @property
    def failures(self) -> tuple[Outcome, ...]:
        return self._all(Verdict.FAILED)

    @property
    def skipped(self) -> tuple[Outcome, ...]:
        return self._all(Verdict.SKIPPED)

    @property
    def passed(self) -> tuple[Outcome, ...]:
        return self._all(Verdict.PASSED)

    def _all(self, verdict: Verdict) -> tuple[Outcome, ...]:
        return tuple(one for one in self.outcomes if one.verdict is verdict)

    def lines(self) -> Iterator[str]:
        """The table, then the reason of everything that did not pass."""
        yield from self._table()
        for heading, some in (("NOT PLAYED", self.skipped), ("FAILED", self.failures)):
            if some:
                yield ""
                yield f"{heading}:"
            for one in some:
                yield f"  {one.scenario} [{one.transport}]"
                yield f"      {one.reason}"
                yield f"      {one.rule}"
        yield ""
        yield f"{len(self.passed)} passed, {len(self.failures)} failed, {len(self.skipped)} not played"

    def _table(self) -> Iterator[str]:
        transports = list(dict.fromkeys(one.transport for one in self.outcomes))
        found = {(one.scenario, one.transport): one.verdict for one in self.outcomes}
        names = list(dict.fromkeys(one.scenario for one in self.outcomes))
        yield _row(transports, "scenario")
        for name in names:
            yield _row([found.get((name, transport), "-") for transport in transports], name)


def _row(cells: Sequence[str], name: str) -> str:
    return "  ".join(f"{cell:<6}" for cell in cells) + f"  {name}"
