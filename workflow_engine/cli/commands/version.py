"""`workflow-engine version`."""

import platform

import typer

from workflow_engine.version import VERSION


def version() -> None:
    """Print the versions of this program and of what it runs on."""
    typer.echo(f"workflow-engine {VERSION} (Python {platform.python_version()}, {platform.system()})")
