"""`workflow-engine workers`: who does the steps of client teams."""

from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl


def workers(server: ServerUrl = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """List the workers that are connected to a running server, or hold steps of it."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_workers

    print_answer(server_of(server, api_key).get("/workers"), print_workers, as_json=as_json)
