"""`workflow-engine executions`: look at what a server runs and ran, and act on it."""

from typing import Annotated

import typer

from workflow_engine.cli.commands import executions_acting
from workflow_engine.cli.options import ApiKey, AsJson, ExecutionId, ServerUrl

executions = typer.Typer(help="Look at executions of a running server, and act on them.", no_args_is_help=True)


@executions.command("list")
def list_executions(
    status: Annotated[
        list[str] | None,
        typer.Option("--status", help="Only these: running, waiting, paused, completed, failed, cancelled."),
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="NAME", help="Only workflows of this name.")
    ] = None,
    workflow_id: Annotated[
        str | None, typer.Option("--workflow-id", metavar="ID", help="Only this saved workflow.")
    ] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Only those started for this user.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Only workflows with this tag.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE|TIME", help="Only younger ones: 30m, 2h, 7d, or a time (ISO 8601)."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="At most this many.")] = 20,
    cursor: Annotated[str | None, typer.Option("--cursor", help="Go on where a list before ended.")] = None,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_executions
    from workflow_engine.cli.times import since_when

    answer = server_of(server, api_key).get(
        "/executions",
        status=status,
        workflow_name=workflow,
        workflow_id=workflow_id,
        user_id=user,
        tag=tag,
        started_after=None if since is None else since_when(since),
        limit=limit,
        cursor=cursor,
    )
    print_answer(answer, print_executions, as_json=as_json)


@executions.command("show")
def show_execution(
    execution_id: ExecutionId,
    step: Annotated[
        str | None, typer.Option("--step", metavar="PATH", help="Print what came out of this step, as JSON.")
    ] = None,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Show one execution with its steps."""
    from workflow_engine.cli.answers import print_answer, print_json
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.outcome import output_of
    from workflow_engine.cli.server import path_of
    from workflow_engine.cli.tables import print_execution

    asked = server_of(server, api_key)
    execution = asked.get(path_of("executions", execution_id))
    results = asked.get(path_of("executions", execution_id, "results"))
    if step is not None:
        print_json(output_of(results, step))
        return
    print_answer({**execution, "results": results}, lambda _: print_execution(execution, results), as_json=as_json)


@executions.command("explain")
def explain_execution(
    execution_id: ExecutionId, server: ServerUrl = None, api_key: ApiKey = None, as_json: AsJson = False
) -> None:
    """Tell for each open step why it is not done."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of
    from workflow_engine.cli.tables import print_explanation

    print_answer(
        server_of(server, api_key).get(path_of("executions", execution_id, "explain")),
        print_explanation,
        as_json=as_json,
    )


@executions.command("events")
def list_events(
    execution_id: ExecutionId,
    after: Annotated[int, typer.Option("--after", metavar="SEQ", min=0, help="Only what came behind this event.")] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Stay until the execution has ended.")] = False,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Print what happened, one line an event (with --json one object a line)."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of
    from workflow_engine.cli.tables import print_event

    asked, path = server_of(server, api_key), path_of("executions", execution_id, "events")
    for event in asked.events(path, after) if follow else asked.past_events(path, after):
        print_event(event, as_json=as_json)


executions_acting.add_to(executions)
