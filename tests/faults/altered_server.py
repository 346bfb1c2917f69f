"""The product on a wall clock that jumps, and the product as it must never be:
`python -m tests.faults.altered_server [without-fence|leases-on-the-wall-clock]`.

It serves as `python main.py` does. SIGUSR2 sets the wall clock an hour on. What is broken is broken from here: the
product has no switch for it.
"""

import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Final

from workflow_engine import serving
from workflow_engine.execution import reports
from workflow_engine.execution.inputs import Report
from workflow_engine.execution.turn import Turn
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState
from workflow_engine.logs import configure
from workflow_engine.settings import load_settings

JUMP_SECONDS: Final = 3_600.0


class JumpingClock:
    """The system's, until somebody sets it on."""

    ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()

    @classmethod
    def jump(cls, *_signal: object) -> None:
        cls.ahead += JUMP_SECONDS


class WallClockOnly(JumpingClock):
    """Measures durations by the time of day."""

    def monotonic(self) -> float:
        return self.now()


def without_fence() -> None:
    """A report counts for whoever has the step now."""

    def running(turn: Turn, report: Report) -> StepState:
        step = turn.state.steps.get(report.path)
        if step is None or step.status is not StepStatus.RUNNING:
            raise reports.refusal_of(turn.execution, report)
        return step

    setattr(reports, "_running", running)  # noqa: B010  # it is somebody else's, and this is sabotage
    setattr(reports, "_holder", running)  # noqa: B010  # the same


def leases_on_the_wall_clock() -> None:
    setattr(serving, "SystemClock", WallClockOnly)  # noqa: B010  # the same


BROKEN: Final[Mapping[str, Callable[[], None]]] = {
    "without-fence": without_fence,
    "leases-on-the-wall-clock": leases_on_the_wall_clock,
}


def main(broken: list[str]) -> None:
    setattr(serving, "SystemClock", JumpingClock)  # noqa: B010  # the same
    for name in broken:
        BROKEN[name]()
    signal.signal(signal.SIGUSR2, JumpingClock.jump)
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    serving.run(serving.serve(settings, lambda _listening: None))


if __name__ == "__main__":
    main(sys.argv[1:])
