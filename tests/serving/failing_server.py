"""The product, made to die at a given place: `python -m tests.serving.failing_server FAILPOINT COUNT`.

It serves as `python main.py` does. After SIGUSR1 it is armed: the COUNT-th time it reaches the failpoint
(`before-commit`, `after-commit`, `before-answer`, `after-answer`) it kills itself with -9. So the product needs no code
for being tested but the calls at those places.
"""

import os
import signal
import sys

from workflow_engine.journal.contract import Failpoints
from workflow_engine.logs import configure
from workflow_engine.serving import run, serve
from workflow_engine.settings import load_settings, surroundings


class Death:
    """Comes at the last of `count` visits to `failpoint`, counted from the moment it is armed."""

    def __init__(self, failpoint: str, count: int) -> None:
        self._failpoint = failpoint
        self._left = count
        self._armed = False

    def arm(self, *_signal: object) -> None:
        self._armed = True

    def reach(self, name: str) -> None:
        if not self._armed or name != self._failpoint:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


def main(failpoint: str, count: int) -> None:
    death = Death(failpoint, count)
    signal.signal(signal.SIGUSR1, death.arm)
    settings = load_settings()
    configure(settings.log_format, settings.log_level)
    failpoints = Failpoints(death.reach)
    run(serve(settings, lambda _listening: None, failpoints=failpoints, environment=surroundings()))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
