"""`workflow-engine serve`: run a server until it is told to stop."""

from typing import TYPE_CHECKING, Annotated

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.options import DatabaseUrl

if TYPE_CHECKING:
    from workflow_engine.serving import Listening


def serve(
    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="Port of REST; 0 takes any free one.")] = None,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port of gRPC; 0 takes any free one.")
    ] = None,
    database_url: DatabaseUrl = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow listening beyond this machine although nobody has to show a key.")
    ] = False,
    skip_broken_plugins: Annotated[
        bool, typer.Option("--skip-broken-plugins", help="Start without a plugin that cannot be loaded.")
    ] = False,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="Bring an older schema up to date first, on PostgreSQL, too.")
    ] = False,
    log_format: Annotated[str | None, typer.Option(metavar="console|json", help="For people, or for machines.")] = None,
    log_level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="debug, info, warning, error or critical.")
    ] = None,
) -> None:
    """Serve REST and gRPC until SIGTERM or Ctrl-C, then let running steps finish.

    What is not given here is read from WORKFLOW_ENGINE_* variables and from .env; .env.example lists them all.
    """
    from workflow_engine.logs import configure
    from workflow_engine.settings import load_settings, surroundings

    settings = load_settings(
        host=host,
        port=port,
        grpc_port=grpc_port,
        database_url=database_url,
        # A flag that was not given says nothing, so that the environment may.
        insecure=insecure or None,
        skip_broken_plugins=skip_broken_plugins or None,
        storage={"migrate": "always"} if migrate else None,
        log_format=log_format,
        log_level=log_level,
    )
    configure(settings.log_format, settings.log_level)
    from workflow_engine.serving import run
    from workflow_engine.serving import serve as serve_until_told

    run(serve_until_told(settings, _announce, environment=surroundings()))


def _announce(listening: "Listening") -> None:
    from workflow_engine.cli.choosing import url_of
    from workflow_engine.version import VERSION

    url = url_of(listening.host, listening.port)
    banner = words(
        (f"Workflow Engine {VERSION}", "bold"),
        " at ",
        (url, "cyan"),
        "  grpc ",
        (url_of(listening.host, listening.grpc_port).removeprefix("http://"), "cyan"),
        "  docs ",
        (f"{url}/docs", "cyan"),
        f"  database {listening.storage}",
    )
    out().print(banner, soft_wrap=True)
