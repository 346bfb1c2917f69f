"""`workflow-engine worker`: be a worker of a running server, with the step functions of a Python module."""

from typing import Annotated

import typer

from workflow_engine.cli.options import ApiKey

worker = typer.Typer(help="Be a worker of a running server.", no_args_is_help=True)


@worker.callback()
def _group() -> None:
    """Keeps `run` a command of its own while it is the only one."""


@worker.command("run")
def run_worker(
    module: Annotated[
        str, typer.Argument(metavar="MODULE[:NAME]", help="A module or .py file that holds a workflow_client.Worker.")
    ],
    target: Annotated[
        str | None, typer.Option("--target", metavar="HOST:PORT", help="The gRPC port; default: what the module says.")
    ] = None,
    slots: Annotated[
        int | None, typer.Option("--slots", min=1, metavar="N", help="Most steps at once; default: as above.")
    ] = None,
    api_key: ApiKey = None,
) -> None:
    """Serve the steps of a Python module until SIGTERM or Ctrl-C; what is under way ends first."""
    from workflow_engine.cli.python_worker import serve_module

    serve_module(module, target=target, slots=slots, api_key=api_key)
