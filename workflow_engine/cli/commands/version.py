"""`workflow-engine version`."""

import platform

import typer


def version() -> None:
    """Print the versions of this program and of what it runs on."""
    from importlib.metadata import version as version_of

    typer.echo(
        f"workflow-engine {version_of('workflow-engine')} (Python {platform.python_version()}, {platform.system()})"
    )
