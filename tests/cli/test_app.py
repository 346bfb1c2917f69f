"""The program as a whole: its help, its speed to answer, and how it ends."""

import signal
import subprocess
import sys

import pytest

from tests.cli.documents import WAITING
from tests.cli.terminal import CommandLine
from workflow_engine.cli.app import app, main
from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.errors import InvalidDocument, Problem, Unavailable, WorkflowEngineError

HEAVY = {
    "fastapi",
    "starlette",
    "sqlalchemy",
    "sqlmodel",
    "uvicorn",
    "pydantic",
    "cel_expr_python",
    "grpc",
    "structlog",
    "rich",
}


def test_help_needs_nothing_of_a_server() -> None:
    script = (
        "import sys\nfrom workflow_engine.cli.app import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit: print(','.join(sys.modules), file=sys.stderr)"
    )
    asked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "doctor" in asked.stdout
    assert HEAVY.intersection(asked.stderr.split(",")) == set()


@pytest.mark.parametrize("command", ["serve", "run", "validate", "executions", "steps", "hosts", "migrate", "doctor"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert f"workflow-engine {command}" in capsys.readouterr().out


def test_an_unknown_command_is_a_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["rnu"])
    assert left.value.code == 2
    assert "No such command 'rnu'" in capsys.readouterr().err


class Raising:
    """The program with one more command, which does nothing but raise."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __enter__(self) -> None:
        def fail() -> None:
            raise self.error

        app.command("fail-for-a-test", hidden=True)(fail)

    def __exit__(self, *_: object) -> None:
        app.registered_commands.pop()


@pytest.mark.parametrize(
    ("error", "code"), [(Unavailable("not now"), 1), (InvalidArgument("not so"), 2), (WorkflowEngineError("no"), 1)]
)
def test_an_error_of_ours_is_one_sentence_and_a_code(
    error: WorkflowEngineError, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with Raising(error), pytest.raises(SystemExit) as left:
        main(["fail-for-a-test"])
    said = capsys.readouterr()
    assert left.value.code == code
    assert (said.out, said.err) == ("", f"error: {error}\n")


def test_several_problems_are_listed_with_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    with Raising(InvalidDocument([Problem("c", "one [x]", "/a"), Problem("c", "two")])), pytest.raises(SystemExit):
        main(["fail-for-a-test"])
    assert capsys.readouterr().err == "error: 2 problems\n  - one [x]  /a\n  - two\n"


def test_an_unexpected_error_keeps_its_traceback_and_gets_an_id(capsys: pytest.CaptureFixture[str]) -> None:
    with Raising(ZeroDivisionError("by zero")), pytest.raises(SystemExit) as left:
        main(["fail-for-a-test"])
    said = capsys.readouterr().err
    assert left.value.code == 1
    assert "Traceback" in said
    assert "ZeroDivisionError: by zero" in said
    assert "report it with the id 0" in said


def test_an_interrupt_ends_quietly_with_130(cli: CommandLine) -> None:
    with cli.begin("run", cli.write("flow.json", WAITING), "--watch", "--embedded") as process:
        assert process.stdout is not None
        assert b"approve" in process.stdout.readline(), process.communicate()[1]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert b"ended with this command" in err


def test_a_reader_that_has_seen_enough_is_no_error(cli: CommandLine) -> None:
    with cli.begin("run", "--help") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
