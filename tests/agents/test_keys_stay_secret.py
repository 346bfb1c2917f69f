"""Keys of the worker's environment are in no byte of what is kept, logged, answered or shown."""

import json
from typing import Any

from tests.agents.agent_worker import AgentWorker, Outcome
from tests.agents.families import Family, every_family
from tests.agents.keys import CANARIES, found_in, keys_in
from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.reply import Reply, refuses
from tests.agents.upstreams.upstream import Upstream

FACES = (
    "/executions",
    "/workers",
    "/steps",
    "/steps/agents.model_call",
    "/analytics/errors",
    "/health/detailed",
    "/metrics",
    "/monitoring/traces",
)


def telltale(status: int) -> Any:  # noqa: ANN401 - a Respond
    """A provider that repeats all it was sent, also what nobody should see."""

    def respond(asked: Asked) -> Reply:
        seen = f"you came with {json.dumps(dict(asked.request.headers))} for {asked.key}, {' '.join(CANARIES)}"
        if status == 200:
            return Reply(raw=seen.encode())
        return refuses(status, seen)

    return respond


def answered(agents: AgentWorker, outcome: Outcome) -> bytes:
    """All that the server says about an execution, and in general."""
    client, execution = agents.server.client, f"/executions/{outcome.execution_id}"
    paths = (execution, f"{execution}/results", f"{execution}/events?after=0", *FACES)
    return json.dumps([client.get(path).body for path in paths]).encode()


@every_family
def test_a_provider_that_repeats_the_keys_teaches_nobody(agents: AgentWorker, home: Upstream, family: Family) -> None:
    for status in (200, 400, 401, 403, 404, 429, 500):
        home.respond = telltale(status)
        for stream in (False, True):
            outcome = agents.ask(family.here, stream=stream)
            assert outcome.code is not None
            assert keys_in(answered(agents, outcome)) == [], (status, stream)
    assert found_in(agents.folder) == {}


@every_family
def test_a_stream_that_ends_with_the_keys_teaches_nobody(agents: AgentWorker, home: Upstream, family: Family) -> None:
    def respond(asked: Asked) -> Reply:
        return Reply(raw=f'data: {{"error": "{asked.key} {" ".join(CANARIES)}"}}\n\n'.encode())

    home.respond = respond
    outcome = agents.ask(family.here, stream=True)
    assert keys_in(answered(agents, outcome)) == []
    assert found_in(agents.folder) == {}
