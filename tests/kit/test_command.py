"""`python -m workflow_engine.testing`: what it says, and what it answers to the shell."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.server import started
from tests.serving.process import free_port, server_processes
from workflow_engine.testing.__main__ import main
from workflow_engine.testing.control import ShellControl
from workflow_engine.testing.errors import NotPlayed
from workflow_engine.testing.target import Target

NAMESPACE = "a foreign namespace is refused"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("kit")
    with server_processes(folder) as serve:
        yield started(serve, folder)[1]


def test_what_passes_is_told_and_answered_with_0(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    addresses = ["--grpc", str(target.grpc), "--rest", str(target.rest), "--api-key", str(target.api_key)]
    assert main([*addresses, "--only", NAMESPACE]) == 0
    said = capsys.readouterr().out
    assert f"pass    pass    pass    {NAMESPACE}" in said
    assert "3 passed, 0 failed, 0 not played" in said


def test_what_is_not_played_is_told_with_its_reason(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    addresses = ["--grpc", str(target.grpc), "--api-key", str(target.api_key), "--transport", "stream"]
    assert main([*addresses, "--only", "somebody else's name", "--only", "many steps in flight"]) == 0
    said = capsys.readouterr().out
    assert "give --other-api-key" in said
    assert "give --crash-command" in said
    assert "0 passed, 0 failed, 2 not played" in said


def test_a_failure_is_told_with_its_rule_and_answered_with_1(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    addresses = ["--grpc", str(target.grpc), "--api-key", str(target.api_key), "--other-api-key", "nobody's"]
    assert main([*addresses, "--transport", "unary", "--only", "somebody else's name"]) == 1
    said = capsys.readouterr().out
    assert "FAIL    somebody else's name is refused" in said
    assert "docs/contracts.md#versions" in said


def test_a_server_that_is_not_there_is_answered_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rest", f"http://127.0.0.1:{free_port()}"]) == 2
    assert "the server does not open a session" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [[], ["--grpc", "x:1", "--only", "nothing is called so"], ["--grpc", "x:1", "--transport", "rest"]]
)
def test_arguments_that_play_nothing_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


async def test_a_command_that_fails_or_never_ends_is_no_fault_of_the_server(tmp_path: Path) -> None:
    slow = f"{sys.executable} -c 'import time; time.sleep(60)'"
    with pytest.raises(NotPlayed, match="ended with 3"):
        await ShellControl(crash_command="exit 3").crash()
    with pytest.raises(NotPlayed, match=r"did not end within 0\.1 s"):
        await ShellControl(restart_command=slow, longest_seconds=0.1).restart()
    done = tmp_path / "done"
    await ShellControl(crash_command=f"touch {done}").crash()
    assert done.exists()
