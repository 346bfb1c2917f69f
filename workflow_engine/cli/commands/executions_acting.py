"""What `workflow-engine executions` does to an execution: cancel, pause, resume, signal."""

from typing import TYPE_CHECKING, Annotated

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.options import ApiKey, ExecutionId, ServerUrl

if TYPE_CHECKING:
    from workflow_engine.jsontext import JsonObject

Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it is kept with the execution.")]


def add_to(executions: typer.Typer) -> None:
    for command in (cancel, pause, resume, signal):
        executions.command()(command)


def cancel(
    execution_id: ExecutionId,
    reason: Reason = "",
    compensate: Annotated[bool, typer.Option("--compensate", help="Undo completed steps that say how.")] = False,
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Cancel an execution: nothing new starts."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    asked = {"compensate": "true"} if compensate else {}
    _tell(server_of(server, api_key).post(path_of("executions", execution_id, "cancel"), {"reason": reason}, **asked))


def pause(execution_id: ExecutionId, reason: Reason = "", server: ServerUrl = None, api_key: ApiKey = None) -> None:
    """Pause an execution: running steps finish, nothing new begins."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    _tell(server_of(server, api_key).post(path_of("executions", execution_id, "pause"), {"reason": reason}))


def resume(execution_id: ExecutionId, server: ServerUrl = None, api_key: ApiKey = None) -> None:
    """Let a paused execution go on."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    _tell(server_of(server, api_key).post(path_of("executions", execution_id, "resume")))


def signal(
    execution_id: ExecutionId,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The signal a step waits for.")],
    payload: Annotated[
        str | None, typer.Argument(metavar="[PAYLOAD]", help="JSON, or text where it is none.", show_default=False)
    ] = None,
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Send a signal; it is kept until a step waits for it."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.documents import json_or_text
    from workflow_engine.cli.server import path_of

    body = None if payload is None else json_or_text(payload)
    server_of(server, api_key).post(path_of("executions", execution_id, "signals", name), body)
    out().print(words(f"signal {name} sent to {execution_id}"))


def _tell(execution: "JsonObject") -> None:
    out().print(words(f"execution {execution['execution_id']} is {execution['status']}"))
