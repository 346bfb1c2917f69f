"""API keys: who shows one is its principal, with its scopes and in its namespace.

A key is `wfe_<id>_<secret>`. Kept is an HMAC of it, under a pepper that stays in the journal; its text is told once.
The keys are few and stand in memory, as the rows say: every change is written first.
"""

import hmac
import re
import secrets
from asyncio import Lock
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, get_args

from workflow_engine.clock import Clock
from workflow_engine.engine.caller import SCOPES, Caller, Scope
from workflow_engine.errors import InvalidRequest, NotFound, Unauthenticated
from workflow_engine.identifiers import DEFAULT_NAMESPACE
from workflow_engine.journal.contract import ApiKeyRow, Journal
from workflow_engine.logs import logger
from workflow_engine.steps.catalogue import BUILTIN_OWNER

PEPPER: Final = "api-keys"
"""Under which name the journal keeps the secret that all digests depend on."""
PRINCIPAL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@:/+-]{0,127}")
RESERVED: Final = frozenset({"anonymous", BUILTIN_OWNER})
_KEY: Final = re.compile(r"wfe_([0-9a-f]{16})_[0-9a-f]{64}")

log = logger(__name__)


class KeyRequired(Unauthenticated):
    code = "key-required"

    def __init__(self) -> None:
        super().__init__(
            "This server needs a key: send `Authorization: Bearer wfe_...`. `workflow-engine keys create` makes one"
        )


class InvalidKey(Unauthenticated):
    """Unknown, revoked and mistyped are the same to whoever shows it."""

    code = "invalid-key"

    def __init__(self) -> None:
        super().__init__("The key is none of this server, or it was revoked; ask whoever runs it for another one")


class UnreadableAuthorization(Unauthenticated):
    code = "unreadable-authorization"

    def __init__(self) -> None:
        super().__init__("Authorization must be sent once, as `Bearer wfe_...`")


class KeyNotFound(NotFound):
    code = "key-not-found"

    def __init__(self) -> None:
        super().__init__("Key not found")


class InvalidPrincipal(InvalidRequest):
    code = "invalid-principal"

    def __init__(self) -> None:
        super().__init__(
            "The principal of a key has 1 to 128 letters, digits and _ . @ : / + - and begins with a letter or digit; "
            f"{' and '.join(sorted(RESERVED))} are taken"
        )


class InvalidScopes(InvalidRequest):
    code = "invalid-scopes"

    def __init__(self) -> None:
        super().__init__(f"A key has one or more of the scopes {', '.join(SCOPES)}")


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key as it is shown: nothing here opens a door."""

    key_id: str
    principal: str
    scopes: tuple[str, ...]
    note: str
    created_at: float
    created_by: str
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class CreatedKey:
    """`secret` is the whole text to show; nobody can tell it a second time."""

    view: KeyView
    secret: str = field(repr=False)


class Keys:
    """As long as no key was ever made, everybody is the local principal; from the first one on everybody shows a key,
    also when all are revoked.
    """

    def __init__(self, journal: Journal, pepper: bytes, clock: Clock) -> None:
        self._journal = journal
        self._pepper = pepper
        self._clock = clock
        self._rows: dict[str, ApiKeyRow] = {}
        self._internal: dict[str, ApiKeyRow] = {}
        self._changing = Lock()

    async def load(self) -> None:
        self._rows = {row.key_id: row for row in await self._journal.api_keys()}

    @property
    def are_needed(self) -> bool:
        """Whether requests are refused that show none."""
        return bool(self._rows)

    @property
    def any_valid(self) -> bool:
        return any(row.revoked_at is None for row in self._rows.values())

    # --- asking

    def authenticate(
        self, presented: str | None, *, correlation_id: str | None = None, trace_id: str | None = None
    ) -> Caller:
        """Who shows this key, or None for no key. Raises `KeyRequired`, `InvalidKey`."""
        if presented is None:
            if self.are_needed:
                raise KeyRequired
            return Caller(correlation_id=correlation_id, trace_id=trace_id)
        row = self._shown(presented)
        return Caller(row.principal, row.namespace, correlation_id, trace_id, frozenset(row.scopes), row.key_id)

    def _shown(self, presented: str) -> ApiKeyRow:
        read = _KEY.fullmatch(presented)
        row = None if read is None else self._row(read[1])
        if row is None or row.revoked_at is not None or not hmac.compare_digest(row.digest, self._digest(presented)):
            raise InvalidKey
        return row

    def admits(self, caller: Caller) -> bool:
        """Whether `authenticate` would still say the same: for what lasts, such as streams and sessions."""
        if caller.key_id is None:
            return not self.are_needed
        row = self._row(caller.key_id)
        return row is not None and row.revoked_at is None

    def _row(self, key_id: str) -> ApiKeyRow | None:
        return self._rows.get(key_id) or self._internal.get(key_id)

    def _digest(self, text: str) -> str:
        return hmac.digest(self._pepper, text.encode(), "sha256").hex()

    # --- changing

    async def create(self, caller: Caller, principal: str, scopes: Iterable[str], note: str = "") -> CreatedKey:
        """A new key in the namespace of the caller. Raises `InvalidPrincipal`, `InvalidScopes`."""
        caller.require("admin")
        if not PRINCIPAL.fullmatch(principal) or principal in RESERVED:
            raise InvalidPrincipal
        row, text = self._made(caller, principal, scopes, note)
        async with self._changing:
            await self._journal.save_api_key(row)
            self._rows[row.key_id] = row
        log.info("key created", key_id=row.key_id, principal=principal, scopes=list(row.scopes), by=caller.principal)
        return CreatedKey(_view(row), text)

    def internal(self, scopes: Iterable[str], namespace: str = DEFAULT_NAMESPACE) -> str:
        """A key for a process that this one starts. Its principal is `builtin`, which no other key can have, so that it
        may serve the built-in step types.

        In memory only: nobody is shown it in a list, and it ends with this process. It makes no keys needed.
        """
        row, text = self._made(Caller(BUILTIN_OWNER, namespace), BUILTIN_OWNER, scopes, "a process of the server")
        self._internal[row.key_id] = row
        return text

    def _made(self, caller: Caller, principal: str, scopes: Iterable[str], note: str) -> tuple[ApiKeyRow, str]:
        """A row that is kept nowhere yet, and the text whose digest stands in it."""
        key_id = secrets.token_hex(8)
        text = f"wfe_{key_id}_{secrets.token_hex(32)}"
        row = ApiKeyRow(
            namespace=caller.namespace,
            key_id=key_id,
            principal=principal,
            digest=self._digest(text),
            scopes=_in_order(scopes),
            note=note,
            created_at=self._clock.now(),
            created_by=caller.principal,
        )
        return row, text

    def list(self, caller: Caller) -> tuple[KeyView, ...]:
        """Oldest first, the revoked ones too."""
        caller.require("admin")
        return tuple(_view(row) for row in self._rows.values() if row.namespace == caller.namespace)

    async def revoke(self, caller: Caller, key_id: str) -> KeyView:
        """From now on the key is none; revoking it again changes nothing. Raises `KeyNotFound`."""
        caller.require("admin")
        async with self._changing:
            await self._journal.revoke_api_key(caller.namespace, key_id, self._clock.now())
            # Also where nothing changed: an earlier try may have been written without an answer.
            await self.load()
        row = self._rows.get(key_id)
        if row is None or row.namespace != caller.namespace:
            raise KeyNotFound
        log.info("key revoked", key_id=key_id, principal=row.principal, by=caller.principal)
        return _view(row)


def bearer_key(sent: Sequence[str]) -> str | None:
    """The key in what came as `authorization`, by HTTP header or gRPC metadata; None where nothing came.

    Raises `UnreadableAuthorization`.
    """
    if not sent:
        return None
    scheme, _, key = sent[0].partition(" ")
    if len(sent) > 1 or scheme.lower() != "bearer" or not key.strip():
        raise UnreadableAuthorization
    return key.strip()


def _in_order(asked: Iterable[str]) -> tuple[Scope, ...]:
    wanted = set(asked)
    if not wanted or not wanted.issubset(get_args(Scope)):
        raise InvalidScopes
    return tuple(scope for scope in SCOPES if scope in wanted)


def _view(row: ApiKeyRow) -> KeyView:
    return KeyView(row.key_id, row.principal, row.scopes, row.note, row.created_at, row.created_by, row.revoked_at)
