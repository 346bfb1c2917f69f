"""A worker as a process: its settings, and the signals it gets."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workflow_client import Worker
from workflow_client.errors import InvalidWorker
from workflow_client.testing import FakeServer


def test_settings_that_cannot_work_are_refused_with_what_to_change() -> None:
    with pytest.raises(InvalidWorker, match="at least 1"):
        Worker(slots=0)
    with pytest.raises(InvalidWorker, match="visible ASCII"):
        Worker(worker_id="a b")
    with pytest.raises(InvalidWorker, match="host and port"):
        Worker("http://localhost:50051")
    with pytest.raises(InvalidWorker, match="no steps"):
        Worker().run()


PROGRAM = """
import time
from workflow_client import StepContext, Worker
worker = Worker({target!r})
@worker.step("long", version="1.0.0")
def long(ctx: StepContext) -> str:
    ctx.progress(0.1)
    time.sleep({seconds})
    return "done"
"""


@pytest.mark.parametrize(("seconds", "signals", "code"), [(0.5, 1, 0), (60, 2, 143)])
async def test_one_sigterm_drains_and_a_second_one_quits(
    server: FakeServer, tmp_path: Path, seconds: float, signals: int, code: int
) -> None:
    (tmp_path / "serves.py").write_text(PROGRAM.format(target=server.target, seconds=seconds))
    package = str(Path(__file__).parent.parent)
    process = subprocess.Popen(  # noqa: ASYNC220  # it returns at once
        [sys.executable, "-m", "workflow_client", "serves:worker"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": package},
    )
    try:
        execution = server.assign("long@1.0.0")
        await server.until(lambda: server.of_kind("progress"), 30)
        process.send_signal(signal.SIGTERM)
        await server.until(lambda: server.of_kind("drain"))
        if signals > 1:
            process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 20) == code
    finally:
        process.kill()
        process.wait()  # it was killed
    assert (execution in server.results) == (signals == 1)
