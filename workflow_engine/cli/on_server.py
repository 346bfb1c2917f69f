"""Running on a server that is up: every verb is a request to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from workflow_engine.cli.events import Event
from workflow_engine.cli.server import Server, path_of
from workflow_engine.jsontext import Json, JsonObject


@dataclass(frozen=True, slots=True)
class OnServer:
    server: Server
    outlives_us: bool = True

    @property
    def name(self) -> str:
        return self.server.url

    def validate(self, document: Json) -> JsonObject:
        return self.server.post("/workflows/validate", document)

    def start(self, body: JsonObject) -> str:
        return str(self.server.post("/workflows/execute", body)["execution_id"])

    def events(self, execution_id: str, deadline: float | None) -> Iterator[Event]:
        return self.server.events(path_of("executions", execution_id, "events"), deadline=deadline)

    def results(self, execution_id: str) -> JsonObject:
        return self.server.get(path_of("executions", execution_id, "results"))
