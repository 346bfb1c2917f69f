"""`workflow-engine providers`: which providers of models a running server can ask."""

from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl


def providers(server: ServerUrl = None, api_key: ApiKey = None, as_json: AsJson = False) -> None:
    """List the providers of models: which are configured, why not, and how the process is that calls them."""
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import server_of
    from workflow_engine.cli.tables import print_providers

    print_answer(server_of(server, api_key).get("/providers"), print_providers, as_json=as_json)
