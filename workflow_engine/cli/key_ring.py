"""Where the keys of a server are changed: at the server when it is up, else in its database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeVar, cast

from workflow_engine.cli.choosing import server_of
from workflow_engine.cli.failures import InvalidArgument
from workflow_engine.cli.server import Server, path_of
from workflow_engine.jsontext import JsonObject

if TYPE_CHECKING:
    from workflow_engine.engine.keys import Keys
    from workflow_engine.settings import Settings

T = TypeVar("T")
_IN_MEMORY: Final = "memory:"


class KeyRing(Protocol):
    """Answers are the bodies of REST."""

    def create(self, principal: str, scopes: Sequence[str], note: str) -> JsonObject: ...

    def list(self) -> JsonObject: ...

    def revoke(self, key_id: str) -> JsonObject: ...


@dataclass(frozen=True, slots=True)
class AtServer:
    server: Server

    def create(self, principal: str, scopes: Sequence[str], note: str) -> JsonObject:
        return self.server.post("/keys", {"principal": principal, "scopes": list(scopes), "note": note})

    def list(self) -> JsonObject:
        return self.server.get("/keys")

    def revoke(self, key_id: str) -> JsonObject:
        return self.server.delete(path_of("keys", key_id))


@dataclass(frozen=True, slots=True)
class InDatabase:
    """Whoever can write the database needs no key: this is how the first one is made."""

    settings: "Settings"

    def create(self, principal: str, scopes: Sequence[str], note: str) -> JsonObject:
        from workflow_engine.engine.caller import LOCAL
        from workflow_engine.rest.wire import key_body

        created = self._with_keys(lambda keys: keys.create(LOCAL, principal, scopes, note))
        return cast(JsonObject, {**key_body(created.view), "secret": created.secret})

    def list(self) -> JsonObject:
        from workflow_engine.engine.caller import LOCAL
        from workflow_engine.rest.wire import key_body

        async def listed(keys: "Keys") -> JsonObject:
            bodies = [key_body(view) for view in keys.list(LOCAL)]
            return cast(JsonObject, {"keys": bodies, "total": len(bodies)})

        return self._with_keys(listed)

    def revoke(self, key_id: str) -> JsonObject:
        from workflow_engine.engine.caller import LOCAL
        from workflow_engine.rest.wire import key_body

        return cast(JsonObject, key_body(self._with_keys(lambda keys: keys.revoke(LOCAL, key_id))))

    def _with_keys(self, act: Callable[["Keys"], Awaitable[T]]) -> T:
        """Raises `InvalidArgument` where a server has the database."""
        from workflow_engine.journal.contract import JournalOwned

        try:
            return asyncio.run(self._acted(act))
        except JournalOwned as owned:
            raise InvalidArgument(f"{owned}; if that is a server, name it by --server URL") from owned

    async def _acted(self, act: Callable[["Keys"], Awaitable[T]]) -> T:
        from workflow_engine.bounds import journal_timeouts
        from workflow_engine.clock import SystemClock
        from workflow_engine.engine.keys import PEPPER, Keys
        from workflow_engine.journal.opening import journal_for

        journal = journal_for(
            self.settings.database_url,
            timeouts=journal_timeouts(self.settings),
            migrate=self.settings.storage.migrate,
        )
        await journal.open()
        try:
            keys = Keys(journal, await journal.secret(PEPPER), SystemClock())
            await keys.load()
            return await act(keys)
        finally:
            await journal.close()


def chosen_key_ring(server: str | None, api_key: str | None, database_url: str | None) -> KeyRing:
    """The server that was named; else the configured one if it is up; else the database. Raises `InvalidArgument`."""
    if server is not None and database_url is not None:
        raise InvalidArgument("--server names a running server and --database-url a database that none uses; give one")
    if server is not None:
        return AtServer(server_of(server, api_key))
    if database_url is None and (configured := server_of(None, api_key)).is_up():
        return AtServer(configured)
    from workflow_engine.logs import configure
    from workflow_engine.settings import load_settings

    settings = load_settings(database_url=database_url)
    if settings.database_url.startswith(_IN_MEMORY):
        raise InvalidArgument("a key in memory would be gone with this command; give a database by --database-url")
    configure(settings.log_format, "error")
    return InDatabase(settings)
