"""What a provider's wire format has to say for itself; its siblings do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tests.agents.upstreams.asked import Asked, Request
from tests.agents.upstreams.reply import Reply


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a whole body."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """One provider's format. `number` is that of the call: ids are made of it."""

    @property
    def name(self) -> str: ...

    @property
    def stream_type(self) -> str:
        """The content type of a stream."""

    def reads(self, request: Request) -> Asked | None:
        """None: this path is not of this provider."""

    def objection(self, asked: Asked) -> Answer | None:
        """How the provider refuses the credentials; None when they are right."""

    def answer(self, reply: Reply, asked: Asked, number: int) -> bytes:
        """The body of a plain answer."""

    def events(self, reply: Reply, asked: Asked, number: int) -> Sequence[bytes]:
        """A stream, event by event."""

    def refusal(self, status: int, message: str) -> Answer: ...
