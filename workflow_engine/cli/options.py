"""Options that several commands share, written once."""

from typing import Annotated, TypeAlias

import typer

ServerUrl: TypeAlias = Annotated[
    str | None,
    typer.Option("--server", metavar="URL", help="The server to ask; default: the one the settings describe."),
]
ApiKey: TypeAlias = Annotated[
    str | None,
    typer.Option("--api-key", metavar="KEY", help="The key to show to it; better given as WORKFLOW_ENGINE_API_KEY."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DatabaseUrl: TypeAlias = Annotated[
    str | None,
    typer.Option("--database-url", metavar="URL", help="memory://, sqlite:///PATH or postgresql://USER@HOST/DATABASE."),
]
ExecutionId: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="The id of the execution.")]
