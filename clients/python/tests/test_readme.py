"""What the README shows is true."""

import re
import runpy
from pathlib import Path

import pytest

from workflow_client import Worker
from workflow_client.cli import load
from workflow_client.testing import FakeServer

README = (Path(__file__).parent.parent / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def program(source: str, folder: Path) -> dict[str, object]:
    """What a module of this text holds."""
    path = folder / "readme_program.py"
    path.write_text(source)
    return runpy.run_path(str(path), run_name="readme_program")


async def test_its_first_worker_serves_its_first_step(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_worker.py").write_text(BLOCKS[0])
    worker = load(str(tmp_path / "my_worker.py"))
    worker.adjust(target=server.target)
    async with worker:
        execution = server.assign("demo.shout@1.0.0", {"text": "hello"})
        await server.until(lambda: execution in server.results)
    assert server.output(execution) == {"text": "HELLO!"}


def test_its_steps_with_a_context_make_contracts(tmp_path: Path) -> None:
    source = next(block for block in BLOCKS if "pages.import" in block).replace("import httpx\n", "")
    worker = program(source, tmp_path)["worker"]
    assert isinstance(worker, Worker)
    assert [step.contract.name for step in worker.steps] == ["pages.import", "payment.charge", "approval"]


async def test_its_test_of_a_step_passes(tmp_path: Path) -> None:
    shouts = program(BLOCKS[0] + BLOCKS[-1], tmp_path)["test_it_shouts"]
    assert callable(shouts)
    await shouts()


def test_every_block_is_python() -> None:
    for block in BLOCKS:
        compile(block, "README.md", "exec")
