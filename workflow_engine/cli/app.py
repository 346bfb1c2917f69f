"""The program `workflow-engine`: its commands, and what becomes of errors that no command dealt with."""

import sys
from collections.abc import Sequence
from typing import Final

import typer

from workflow_engine.cli.commands.agents import agents
from workflow_engine.cli.commands.doctor import doctor
from workflow_engine.cli.commands.executions import executions
from workflow_engine.cli.commands.hosts import hosts
from workflow_engine.cli.commands.keys import keys
from workflow_engine.cli.commands.migrate import migrate
from workflow_engine.cli.commands.providers import providers
from workflow_engine.cli.commands.run import run
from workflow_engine.cli.commands.serve import serve
from workflow_engine.cli.commands.steps import steps
from workflow_engine.cli.commands.usage import usage
from workflow_engine.cli.commands.validate import validate
from workflow_engine.cli.commands.version import version
from workflow_engine.cli.commands.worker import worker
from workflow_engine.cli.commands.workers import workers
from workflow_engine.cli.failures import exit_code_of, print_bug, print_error
from workflow_engine.errors import WorkflowEngineError

app: Final = typer.Typer(
    help="Write a workflow as JSON, run it to its end whatever crashes on the way.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # drawing boxes around the help would take longer than everything else in it
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
app.command()(serve)
app.command()(run)
app.command()(validate)
app.command()(migrate)
app.command()(doctor)
app.command()(version)
app.command()(workers)
app.command()(providers)
app.command()(usage)
app.add_typer(executions, name="executions")
app.add_typer(steps, name="steps")
app.add_typer(worker, name="worker")
app.add_typer(agents, name="agents")
app.add_typer(hosts, name="hosts")
app.add_typer(keys, name="keys")


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command and leave the process with its exit code; `argv` without the program's name."""
    try:
        app(None if argv is None else list(argv), prog_name="workflow-engine")
    except WorkflowEngineError as error:
        print_error(error)
        sys.exit(exit_code_of(error))
    except Exception as bug:  # noqa: BLE001 - the last one to hear of it: told with its traceback and an id
        print_bug(bug)
        sys.exit(1)
