"""`workflow-engine keys`: who may use a server."""

from typing import Annotated

import typer

from workflow_engine.cli.console import err, out, words
from workflow_engine.cli.options import ApiKey, AsJson, DatabaseUrl, ServerUrl

keys = typer.Typer(
    help="The keys of a server: at the server when it is up, else in its database.", no_args_is_help=True
)


@keys.command("create")
def create_key(
    principal: Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is, such as image-team.")],
    scope: Annotated[
        list[str],
        typer.Option(
            "--scope",
            help="execute (workflows, executions), register (step types, workers) or admin (everything); repeatable.",
        ),
    ],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever reads the list.")] = "",
    server: ServerUrl = None,
    api_key: ApiKey = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Create a key and print it on stdout, this once.

    From the first key on, a server wants one with every request.
    """
    from workflow_engine.cli.key_ring import chosen_key_ring

    created = chosen_key_ring(server, api_key, database_url).create(principal, scope, note)
    typer.echo(created["secret"])
    err().print(words(f"created key {created['key_id']} of {created['principal']}; it is not shown again"))


@keys.command("list")
def list_keys(
    server: ServerUrl = None,
    api_key: ApiKey = None,
    database_url: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List all keys, oldest first, the revoked ones too."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.key_ring import chosen_key_ring
    from workflow_engine.cli.tables import print_keys

    print_answer(chosen_key_ring(server, api_key, database_url).list(), print_keys, as_json=as_json)


@keys.command("revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id of the key, as it is listed.")],
    server: ServerUrl = None,
    api_key: ApiKey = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Revoke a key: from now on it opens nothing."""
    from workflow_engine.cli.key_ring import chosen_key_ring

    revoked = chosen_key_ring(server, api_key, database_url).revoke(key_id)
    out().print(words(f"revoked {revoked['key_id']} of {revoked['principal']}"))
