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


@steps.command("reset")
def reset_step(
    step_type: Annotated[str, typer.Argument(metavar="TYPE", help="Its name, such as text.shout.")],
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Hand a quarantined step type to workers again."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.console import out, words
    from workflow_engine.cli.server import path_of

    reset = server_of(server, api_key).post(path_of("steps", step_type, "reset"))["reset"]
    said = f"{step_type} is handed to workers again" if reset else f"{step_type} was not quarantined"
    out().print(words(said))


@steps.command("diff")
def diff_steps(
    what: Annotated[
        str, typer.Argument(metavar="TYPE|FILE", help="A step type, or a contract: FILE.json, - for stdin.")
    ],
    before: Annotated[str | None, typer.Argument(metavar="FROM", help="Of a TYPE; default: the one before TO.")] = None,
    after: Annotated[str | None, typer.Argument(metavar="TO", help="Of a TYPE; default: its latest version.")] = None,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Compare two versions of a type, or a contract in a file with what is registered.

    For a file it is asked, too, which saved workflows and open executions it would break. Nothing is registered; the
    exit code is 1 when something would break.
    """
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.comparing_steps import compare_file, compare_versions

    chosen = server_of(server, api_key)
    if what == "-" or what.endswith(".json"):
        compare_file(chosen, what, before, after, as_json=as_json)
    else:
        compare_versions(chosen, what, before, after, as_json=as_json)
