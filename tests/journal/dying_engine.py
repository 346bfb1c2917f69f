"""An engine that dies: `python -m tests.journal.dying_engine URL FAILPOINT COUNT EXECUTIONS`.

It appends to so many executions at once, writes a line for every commit that was answered, and kills itself when it
reaches the failpoint for the COUNT-th time.
"""

import asyncio
import os
import signal
import sys

from tests.journal.commits import following, opening
from workflow_engine.journal.contract import Commit, Failpoints
from workflow_engine.journal.opening import journal_for
from workflow_engine.logs import configure


class Death:
    def __init__(self, failpoint: str, count: int) -> None:
        self._failpoint = failpoint
        self._left = count

    def reach(self, name: str) -> None:
        self._left -= name == self._failpoint
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def run(url: str, failpoint: str, count: int, executions: int) -> None:
    journal = journal_for(url, failpoints=Failpoints(Death(failpoint, count).reach), wait_for_ownership=True)
    await journal.open()
    run_name = os.getpid()

    def answered(commit: Commit, error: BaseException | None) -> None:
        if error is not None:
            raise error
        last_seq = commit.first_seq + len(commit.events) - 1
        os.write(1, f"{commit.execution_id} {last_seq}\n".encode())
        go_on(following(commit))

    def go_on(commit: Commit) -> None:
        journal.append(commit, lambda error: answered(commit, error))

    for number in range(executions):
        go_on(opening(f"{run_name}-{number}"))
    await asyncio.sleep(60)


if __name__ == "__main__":
    configure("console", "warning")  # to stderr: on stdout stand the answers
    asyncio.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
