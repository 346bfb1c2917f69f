"""`workflow-engine steps`: the step types a server knows."""

from typing import Annotated

import typer

from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl

steps = typer.Typer(help="The step types a running server knows.", no_args_is_help=True)


@steps.command("list")
def list_steps(server: ServerUrl = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """List every step type with its latest version."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_steps

    print_answer(server_of(server, api_key).get("/steps"), print_steps, as_json=as_json)


@steps.command("show")
def show_step(
    step_type: Annotated[str, typer.Argument(metavar="TYPE", help="Its name, such as data_input.")],
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Print one step type with its schemas, as JSON."""
    from workflow_engine.cli.answers import print_json
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    print_json(server_of(server, api_key).get(path_of("steps", step_type)))
