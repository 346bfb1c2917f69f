"""`workflow-engine usage`: what model calls used and cost."""

from typing import Annotated

import typer

from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl


def usage(
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="WHAT", help="A line for each agent, model, step, execution, workflow, user or principal."
        ),
    ] = "agent",
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="AGE|TIME", help="Only calls since: 30m, 2h, 7d, or a time (ISO 8601)."),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="AGE|TIME", help="Only calls before.")] = None,
    execution: Annotated[
        str | None, typer.Option("--execution", metavar="ID", help="Only calls of this execution.")
    ] = None,
    workflow_id: Annotated[
        str | None, typer.Option("--workflow-id", metavar="ID", help="Only calls of this saved workflow.")
    ] = None,
    agent: Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only agents of this name.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only calls that this model answered.")] = None,
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Only what was done for this user.")] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="At most this many lines.")] = 20,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """Sum up what model calls used and cost, the dearest first."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_usage
    from workflow_engine.cli.times import since_when

    answer = server_of(server, api_key).get(
        "/usage",
        **{
            "group_by": by,
            "from": None if since is None else since_when(since),
            "to": None if until is None else since_when(until, "--until"),
            "execution_id": execution,
            "workflow_id": workflow_id,
            "agent": agent,
            "model": model,
            "user_id": user,
            "limit": limit,
        },
    )
    print_answer(answer, print_usage, as_json=as_json)
