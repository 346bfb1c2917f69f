"""Idempotent acceptance: the same key and the same body are accepted once, however often and however concurrently they
are sent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from workflow_engine.clock import Clock
from workflow_engine.engine.caller import Caller
from workflow_engine.errors import InvalidRequest
from workflow_engine.journal.contract import Acceptance, Journal
from workflow_engine.jsontext import Json


class InvalidIdempotencyKey(InvalidRequest):
    code = "invalid-idempotency-key"

    def __init__(self, longest: int) -> None:
        super().__init__(f"an Idempotency-Key has 1 to {longest} visible ASCII characters")


class IdempotencyMismatch(InvalidRequest):
    code = "idempotency-mismatch"

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with another body; use a new key for a new request")


@dataclass(frozen=True, slots=True)
class Request:
    """One request that may be repeated. Without a key every one is new."""

    operation: str
    key: str | None
    body_digest: str


Act = Callable[[Callable[[str, Json], Acceptance | None]], Awaitable[Json]]
"""Does the work; is handed a function that makes the acceptance row (execution id, answer) to commit with it."""


class Acceptances:
    def __init__(self, journal: Journal, clock: Clock, keep_seconds: float, longest_key: int = 255) -> None:
        self._journal = journal
        self._clock = clock
        self._keep = keep_seconds
        self._longest_key = longest_key
        self._under_way: dict[tuple[str, str, str], tuple[str, asyncio.Future[Json]]] = {}

    async def once(self, caller: Caller, request: Request, act: Act) -> Json:
        """The answer of `act`, or of its first run under this key. Raises `IdempotencyMismatch`,
        `InvalidIdempotencyKey`.
        """
        if request.key is None:
            return await act(lambda _execution_id, _answer: None)
        if not (1 <= len(request.key) <= self._longest_key and all(33 <= ord(letter) <= 126 for letter in request.key)):
            raise InvalidIdempotencyKey(self._longest_key)
        place = (caller.namespace, request.operation, request.key)
        while (under_way := self._under_way.get(place)) is not None:
            _same_body(under_way[0], request)
            await asyncio.wait([under_way[1]])
        return await self._first(caller, request, request.key, place, act)

    async def _first(self, caller: Caller, request: Request, key: str, place: tuple[str, str, str], act: Act) -> Json:
        done: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._under_way[place] = (request.body_digest, done)
        try:
            known = await self._journal.acceptance(*place, self._clock.now())
            if known is not None:
                _same_body(known.body_digest, request)
                return known.answer
            return await act(lambda execution_id, answer: self._row(caller, request, key, execution_id, answer))
        finally:
            del self._under_way[place]
            done.set_result(None)

    def _row(self, caller: Caller, request: Request, key: str, execution_id: str, answer: Json) -> Acceptance:
        now = self._clock.now()
        return Acceptance(
            namespace=caller.namespace,
            operation=request.operation,
            key=key,
            body_digest=request.body_digest,
            execution_id=execution_id,
            answer=answer,
            accepted_at=now,
            expires_at=now + self._keep,
        )


def _same_body(digest: str, request: Request) -> None:
    if digest != request.body_digest:
        raise IdempotencyMismatch
