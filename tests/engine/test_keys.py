"""Who shows which key, and what that allows."""

from collections.abc import Awaitable, Callable

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.clock import ManualClock
from workflow_engine.engine.caller import ANONYMOUS, LOCAL, Caller, MissingScope, Scope
from workflow_engine.engine.keys import (
    InvalidKey,
    InvalidPrincipal,
    InvalidScopes,
    KeyNotFound,
    KeyRequired,
    Keys,
    UnreadableAuthorization,
    bearer_key,
)
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.journal.contract import Journal, JournalUnavailable
from workflow_engine.journal.memory import MemoryJournal

NOW = 1_000.0
PEPPER = bytes(32)


async def keys_in(journal: Journal, pepper: bytes = PEPPER) -> Keys:
    keys = Keys(journal, pepper, ManualClock(NOW))
    await keys.load()
    return keys


@pytest.fixture
async def journal() -> Journal:
    journal = MemoryJournal()
    await journal.open()
    return journal


@pytest.fixture
async def keys(journal: Journal) -> Keys:
    return await keys_in(journal)


async def test_who_shows_a_key_is_its_principal_with_its_scopes_in_its_namespace(keys: Keys) -> None:
    made = await keys.create(Caller("boss", "acme"), "image-team", ["register", "execute", "execute"], "for CI")

    caller = keys.authenticate(made.secret, correlation_id="c", trace_id="t")

    scopes = frozenset({"execute", "register"})
    assert caller == Caller("image-team", "acme", "c", "t", scopes, made.view.key_id)
    assert (made.view.scopes, made.view.note, made.view.created_by) == (("execute", "register"), "for CI", "boss")
    assert (made.view.created_at, made.view.revoked_at) == (NOW, None)


async def test_without_any_key_everybody_is_the_local_principal(keys: Keys) -> None:
    assert keys.authenticate(None) == LOCAL
    assert keys.admits(LOCAL)


async def test_from_the_first_key_on_everybody_needs_one_also_when_all_are_revoked(keys: Keys) -> None:
    made = await keys.create(LOCAL, "ops", ["admin"])
    with pytest.raises(KeyRequired):
        keys.authenticate(None)

    await keys.revoke(LOCAL, made.view.key_id)

    assert (keys.are_needed, keys.any_valid) == (True, False)
    with pytest.raises(KeyRequired):
        keys.authenticate(None)
    assert not keys.admits(LOCAL)


async def test_a_key_opens_nothing_once_it_is_revoked(keys: Keys) -> None:
    made, other = await keys.create(LOCAL, "a", ["admin"]), await keys.create(LOCAL, "b", ["admin"])
    caller = keys.authenticate(made.secret)
    assert keys.admits(caller)

    revoked = await keys.revoke(LOCAL, made.view.key_id)

    assert revoked.revoked_at == NOW
    with pytest.raises(InvalidKey):
        keys.authenticate(made.secret)
    assert not keys.admits(caller)
    assert keys.authenticate(other.secret).principal == "b"
    assert await keys.revoke(LOCAL, made.view.key_id) == revoked


async def test_keys_survive_a_restart_under_the_same_pepper_only(keys: Keys, journal: Journal) -> None:
    made, gone = await keys.create(LOCAL, "a", ["admin"]), await keys.create(LOCAL, "b", ["admin"])
    await keys.revoke(LOCAL, gone.view.key_id)

    again = await keys_in(journal)

    assert again.authenticate(made.secret).principal == "a"
    with pytest.raises(InvalidKey):
        again.authenticate(gone.secret)
    with pytest.raises(InvalidKey):
        (await keys_in(journal, bytes(31) + b"x")).authenticate(made.secret)


async def test_what_is_kept_and_shown_of_a_key_does_not_hold_its_secret(keys: Keys, journal: Journal) -> None:
    made = await keys.create(LOCAL, "a", ["admin"])
    secret = made.secret.rpartition("_")[2]

    assert made.secret == f"wfe_{made.view.key_id}_{secret}"
    assert len(bytes.fromhex(secret)) == 32
    for kept in (await journal.api_keys(), keys.list(LOCAL), made, keys.authenticate(made.secret)):
        assert secret not in repr(kept)


def changed(text: str, at: int) -> str:
    return text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]


async def test_what_is_no_key_of_this_server_is_refused_in_one_sentence_that_repeats_nothing(keys: Keys) -> None:
    made, other = await keys.create(LOCAL, "a", ["admin"]), await keys.create(LOCAL, "b", ["admin"])
    key, foreign_id = made.secret, f"wfe_{other.view.key_id}_{made.secret.rpartition('_')[2]}"
    tried = (
        changed(key, 5),
        changed(key, -1),
        foreign_id,
        key[:-1],
        key + "0",
        key.upper(),
        key + "\n",
        "",
        "ä",
        "\ud800",
    )
    for wrong in tried:
        with pytest.raises(InvalidKey) as refused:
            keys.authenticate(wrong)
        assert str(refused.value) == str(InvalidKey())


@pytest.mark.parametrize(
    ("sent", "key"), [([], None), (["Bearer k"], "k"), (["bearer k"], "k"), (["BEARER   k "], "k")]
)
def test_a_key_is_read_from_authorization(sent: list[str], key: str | None) -> None:
    assert bearer_key(sent) == key


@pytest.mark.parametrize("sent", [["k"], ["Basic k"], ["Bearer"], ["Bearer  "], [""], ["Bearer k", "Bearer k"]])
def test_an_authorization_that_is_not_one_bearer_is_refused(sent: list[str]) -> None:
    with pytest.raises(UnreadableAuthorization):
        bearer_key(sent)


@pytest.mark.parametrize("scopes", [[], ["root"], ["admin", ""]])
async def test_a_key_needs_scopes_that_exist(keys: Keys, scopes: list[str]) -> None:
    with pytest.raises(InvalidScopes):
        await keys.create(LOCAL, "a", scopes)
    assert not keys.are_needed


@pytest.mark.parametrize("principal", ["", "a b", "-a", "a" * 129, "builtin", "anonymous", "ä", "a\n"])
async def test_a_key_needs_a_principal_that_can_be_written_anywhere(keys: Keys, principal: str) -> None:
    with pytest.raises(InvalidPrincipal):
        await keys.create(LOCAL, principal, ["admin"])


async def test_the_keys_of_another_namespace_are_unknown(keys: Keys) -> None:
    made = await keys.create(Caller(namespace="theirs"), "a", ["admin"])

    assert keys.list(LOCAL) == ()
    with pytest.raises(KeyNotFound):
        await keys.revoke(LOCAL, made.view.key_id)
    with pytest.raises(KeyNotFound):
        await keys.revoke(LOCAL, "nobody")
    assert keys.authenticate(made.secret).namespace == "theirs"


class Forgetful(MemoryJournal):
    """Whose next answer to a revocation is lost on the way, after it was written."""

    async def revoke_api_key(self, namespace: str, key_id: str, now: float) -> bool:
        if await super().revoke_api_key(namespace, key_id, now):
            raise JournalUnavailable("the database went away during the change; look before you repeat it")
        return False


async def test_a_revocation_whose_answer_was_lost_takes_effect_when_it_is_repeated() -> None:
    journal = Forgetful()
    await journal.open()
    keys = await keys_in(journal)
    made = await keys.create(LOCAL, "a", ["admin"])

    with pytest.raises(JournalUnavailable):
        await keys.revoke(LOCAL, made.view.key_id)
    await keys.revoke(LOCAL, made.view.key_id)

    with pytest.raises(InvalidKey):
        keys.authenticate(made.secret)


# --- scopes


def test_admin_may_do_what_any_scope_allows() -> None:
    Caller(scopes=frozenset({"admin"})).require("register")
    LOCAL.require("admin")
    with pytest.raises(MissingScope, match="the scope execute"):
        Caller(scopes=frozenset({"register"})).require("execute")
    with pytest.raises(MissingScope):
        ANONYMOUS.require("execute")


# --- keys of our own processes


async def test_an_internal_key_is_the_principal_builtin_with_its_scopes_and_makes_no_keys_needed(keys: Keys) -> None:
    secret = keys.internal(["register"])
    caller = keys.authenticate(secret)
    assert (caller.principal, caller.namespace, caller.scopes) == ("builtin", "default", frozenset({"register"}))
    assert keys.admits(caller)
    assert not keys.are_needed
    assert not keys.any_valid
    assert keys.authenticate(None) == LOCAL


async def test_an_internal_key_still_opens_its_door_when_the_first_key_is_made(keys: Keys) -> None:
    caller = keys.authenticate(keys.internal(["register"]))
    await keys.create(LOCAL, "ops", ["admin"])
    assert keys.admits(caller)


async def test_an_internal_key_is_neither_listed_nor_stored_nor_known_to_the_next_process(
    keys: Keys, journal: Journal
) -> None:
    secret = keys.internal(["register"])
    assert keys.list(LOCAL) == ()
    assert await journal.api_keys() == []
    with pytest.raises(InvalidKey):
        (await keys_in(journal)).authenticate(secret)


async def test_nobody_opens_a_door_with_the_id_of_an_internal_key_alone(keys: Keys) -> None:
    secret = keys.internal(["register"])
    with pytest.raises(InvalidKey):
        keys.authenticate(secret[:-64] + "0" * 64)


Verb = Callable[[Engine, Caller], Awaitable[object]]


async def listing(keys: Callable[[], object]) -> object:
    return keys()


VERBS: dict[str, tuple[Scope, Verb]] = {
    "start": ("execute", lambda engine, caller: engine.executions.start(caller, {})),
    "start saved": ("execute", lambda engine, caller: engine.executions.start_saved(caller, "w", {})),
    "cancel": ("execute", lambda engine, caller: engine.executions.cancel(caller, "e")),
    "pause": ("execute", lambda engine, caller: engine.executions.pause(caller, "e")),
    "resume": ("execute", lambda engine, caller: engine.executions.resume(caller, "e")),
    "signal": ("execute", lambda engine, caller: engine.executions.signal(caller, "e", "go")),
    "resolve": ("execute", lambda engine, caller: engine.executions.resolve(caller, "e", "step")),
    "save": ("execute", lambda engine, caller: engine.workflows.save(caller, {})),
    "delete a workflow": ("execute", lambda engine, caller: engine.workflows.delete(caller, "w")),
    "register": ("register", lambda engine, caller: engine.steps.register(caller, {})),
    "delete a step type": ("register", lambda engine, caller: engine.steps.delete(caller, "t")),
    "allow a host": ("admin", lambda engine, caller: engine.hosts.allow(caller, "!")),
    "list hosts": ("admin", lambda engine, caller: listing(lambda: engine.hosts.list(caller))),
    "disallow a host": ("admin", lambda engine, caller: engine.hosts.disallow(caller, "h")),
    "create a key": ("admin", lambda engine, caller: engine.keys.create(caller, "", [])),
    "list keys": ("admin", lambda engine, caller: listing(lambda: engine.keys.list(caller))),
    "revoke a key": ("admin", lambda engine, caller: engine.keys.revoke(caller, "k")),
}


@pytest.mark.parametrize("name", VERBS)
async def test_a_verb_that_changes_something_asks_for_its_scope_before_anything_else(name: str) -> None:
    scope, verb = VERBS[name]
    others = frozenset({"execute", "register"}) - {scope}
    async with Engine.open("memory://") as engine:
        with pytest.raises(MissingScope, match=f"the scope {scope};"):
            await verb(engine, Caller(scopes=others))
        try:
            await verb(engine, Caller(scopes=frozenset({scope})))
        except MissingScope:
            pytest.fail(f"the scope {scope} does not allow it")
        except WorkflowEngineError:
            pass  # what was asked for is not there, which is said only to who may ask


async def test_reading_needs_no_scope() -> None:
    reader = Caller(scopes=frozenset())
    async with Engine.open("memory://") as engine:
        accepted = await engine.executions.start(
            LOCAL, {"name": "hello", "steps": [{"step_id": "a", "step_type": "data_input"}]}
        )
        assert (await engine.executions.get(reader, accepted.execution_id)).record.principal == "local"
        assert engine.steps.list(reader)
        assert (await engine.workflows.list(reader)).total == 0
        assert (await engine.workflows.validate(reader, {})).errors
