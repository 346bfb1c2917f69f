"""`workflow-engine steps`: the step types a server knows."""

import json
from typing import Annotated

import typer

from workflow_engine.cli.choosing import server_of
from workflow_engine.cli.options import AsJson, ServerUrl
from workflow_engine.cli.server import path_of

steps = typer.Typer(help="The step types a running server knows.", no_args_is_help=True)


@steps.command("list")
def list_steps(server: ServerUrl = None, as_json: AsJson = False) -> None:
    """List every step type with its latest version."""
    from workflow_engine.cli.tables import print_steps

    answer = server_of(server).get("/steps")
    typer.echo(json.dumps(answer, indent=2)) if as_json else print_steps(answer)


@steps.command("show")
def show_step(
    step_type: Annotated[str, typer.Argument(metavar="TYPE", help="Its name, such as data_input.")],
    server: ServerUrl = None,
) -> None:
    """Print one step type with its schemas, as JSON."""
    typer.echo(json.dumps(server_of(server).get(path_of("steps", step_type)), indent=2, ensure_ascii=False))
