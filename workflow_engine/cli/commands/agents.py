"""`workflow-engine agents`: the agents that are saved at a server."""

from typing import Annotated

import typer

from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl

AgentId = Annotated[str, typer.Argument(metavar="ID", help="The id of the agent, as it is listed.")]

agents = typer.Typer(help="The agents that are saved at a running server.", no_args_is_help=True)


@agents.command("list")
def list_agents(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=500, help="At most this many.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="Leave out so many before the first.")] = 0,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    as_json: AsJson = False,
) -> None:
    """List agents, newest change first."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_agents

    answer = server_of(server, api_key).get("/agents", limit=limit, offset=offset)
    print_answer(answer, print_agents, as_json=as_json)


@agents.command("show")
def show_agent(agent_id: AgentId, server: ServerUrl = None, api_key: ApiKey = None) -> None:
    """Print one agent as JSON; saved again, it changes nothing."""
    from workflow_engine.cli.answers import print_json
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.server import path_of

    print_json(server_of(server, api_key).get(path_of("agents", agent_id)))


@agents.command("save")
def save_agent(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The agent as JSON; - for stdin.")],
    agent_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id; default: the one in FILE, or one of its name.")
    ] = None,
    server: ServerUrl = None,
    api_key: ApiKey = None,
) -> None:
    """Save an agent, or its next version, and print its id."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.console import err, words
    from workflow_engine.cli.diagnostics import print_problems
    from workflow_engine.cli.documents import read_source
    from workflow_engine.cli.failures import INVALID, InvalidArgument
    from workflow_engine.cli.server import ServerRefusedInput

    source = read_source(file)
    if not isinstance(source.value, dict):
        raise InvalidArgument(f"{source.name} holds no agent: an agent is a JSON object")
    body = source.value if agent_id is None else {**source.value, "agent_id": agent_id}
    try:
        saved = server_of(server, api_key).post("/agents", body)
    except ServerRefusedInput as refusal:
        if not all(problem.pointer for problem in refusal.problems()):
            raise
        print_problems(err(), source, refusal.problems())
        raise typer.Exit(INVALID) from None
    typer.echo(saved["agent_id"])
    err().print(words(f"saved as version {saved['version_number']}"))


@agents.command("delete")
def delete_agent(agent_id: AgentId, server: ServerUrl = None, api_key: ApiKey = None) -> None:
    """Delete an agent. Steps that run keep what they began with."""
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.console import out, words
    from workflow_engine.cli.server import path_of

    server_of(server, api_key).delete(path_of("agents", agent_id))
    out().print(words(f"deleted {agent_id}"))
