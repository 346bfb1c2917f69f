"""`workflow-engine hosts`: which hosts a server may call beyond the public ones."""

from typing import Annotated

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl

Pattern = Annotated[
    str,
    typer.Argument(metavar="HOST", help="host, host:port, *.domain, an IP address, or a block such as 10.1.0.0/16."),
]

hosts = typer.Typer(help="The hosts a running server may call beyond the public ones.", no_args_is_help=True)


@hosts.command("list")
def list_hosts(server: ServerUrl = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """List the allowed hosts."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_hosts

    print_answer(server_of(server, api_key).get("/hosts"), print_hosts, as_json=as_json)


@hosts.command("allow")
def allow_host(
    pattern: Pattern,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why, for whoever reads the list.")] = "",
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Allow a host from the next call on."""
    from workflow_engine.cli.choosing import server_of

    allowed = server_of(server, api_key).post("/hosts", {"pattern": pattern, "note": note})
    out().print(words(f"allowed {allowed['pattern']}"))


@hosts.command("remove")
def remove_host(pattern: Pattern, server: ServerUrl = None, api_key: ApiKey = None) -> None:
    """Take a host off the list."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    server_of(server, api_key).delete(path_of("hosts", pattern))
    out().print(words(f"removed {pattern}"))
