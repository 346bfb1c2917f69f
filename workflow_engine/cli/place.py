"""Where a workflow runs for a command: on a server that is up, or in an engine inside this very process."""

from collections.abc import Iterator
from typing import Protocol

from workflow_engine.cli.events import Event
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.jsontext import Json, JsonObject


class DeadlineReached(WorkflowEngineError):
    """What was waited for did not come in the time that was given to it."""

    code = "deadline-reached"

    def __init__(self) -> None:
        super().__init__("it did not end in time")


class Place(Protocol):
    """Bodies and answers have the shapes of REST, so that no command can tell the places apart."""

    @property
    def name(self) -> str:
        """As a person reads it: the URL of the server, or the database of the engine inside."""

    @property
    def outlives_us(self) -> bool:
        """Whether an execution goes on when this command has ended."""

    def validate(self, document: Json) -> JsonObject: ...

    def start(self, body: JsonObject) -> str:
        """The id of the execution. Raises `InvalidDocument` or `ServerRefused` for a body that cannot be run."""

    def events(self, execution_id: str, deadline: float | None) -> Iterator[Event]:
        """From the first to the terminal one; `deadline` on `time.monotonic`. Raises `DeadlineReached`."""

    def results(self, execution_id: str) -> JsonObject: ...
