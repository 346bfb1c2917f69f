"""Events as bytes: nothing is lost on the way, old versions are lifted, and damage is named."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.history.encoding import UPCASTS, UnreadableEvent, decode_events, encode_events
from workflow_engine.history.events import EVENT_TYPES, Event, ExecutionPaused, StepError, StepFailed
from workflow_engine.jsontext import Json, JsonObject

INT64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN = st.none() | st.booleans() | INT64 | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=3)
INSTANT = st.floats(0, 1e11)
COUNT = st.integers(0, 2**31)
ERROR = st.builds(StepError, TEXT, TEXT, JSON)

BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    float: INSTANT,
    float | None: st.none() | INSTANT,
    int: COUNT,
    str: TEXT,
    str | None: st.none() | TEXT,
    bool: st.booleans(),
    Json: JSON,
    JsonObject: OBJECT,
    dict[str, str]: st.dictionaries(TEXT, TEXT, max_size=3),
    tuple[Json, ...]: st.lists(JSON, max_size=3).map(tuple),
    tuple[JsonObject, ...]: st.lists(OBJECT, max_size=3).map(tuple),
    JsonObject | None: st.none() | OBJECT,
    tuple[str, ...]: st.lists(TEXT, max_size=3).map(tuple),
    tuple[str, ...] | None: st.none() | st.lists(TEXT, max_size=3).map(tuple),
    StepError: ERROR,
    StepError | None: st.none() | ERROR,
}


def events_of(event_type: type[Event]) -> st.SearchStrategy[Event]:
    wanted = {field.name: BY_TYPE[field.type] for field in fields(event_type) if field.name not in ("kind", "v")}
    return st.builds(event_type, **wanted)


EVENTS = st.lists(st.one_of(*map(events_of, EVENT_TYPES.values())), max_size=5)


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_kind_comes_back_as_it_was(kind: str) -> None:
    @given(events_of(EVENT_TYPES[kind]))
    def comes_back(event: Event) -> None:
        assert decode_events(encode_events([event])) == [event]

    comes_back()


@given(EVENTS)
def test_several_come_back_in_order_and_encode_to_the_same_bytes(events: list[Event]) -> None:
    body = encode_events(events)

    assert decode_events(body) == events
    assert encode_events(decode_events(body.decode())) == body


def test_every_event_says_its_kind_and_version() -> None:
    for kind, event_type in EVENT_TYPES.items():
        defaults = {field.name: field.default for field in fields(event_type)}
        assert defaults["kind"] == kind
        assert isinstance(defaults["v"], int)


def renamed(raw: JsonObject) -> JsonObject:
    """As if version 0 of a pause had called its reason `why`."""
    return {"kind": "execution_paused", "v": 1, "at": raw["at"], "reason": raw["why"]}


def test_an_old_version_is_lifted_to_the_present_one() -> None:
    old = b'[{"kind":"execution_paused","v":0,"at":1.0,"why":"lunch"}]'

    assert decode_events(old, {("execution_paused", 0): renamed}) == [ExecutionPaused(1.0, "lunch")]
    with pytest.raises(UnreadableEvent):
        decode_events(old)


def test_a_very_old_version_is_lifted_step_by_step() -> None:
    oldest = b'[{"kind":"pause","v":3,"at":1.0,"because":"lunch"}]'
    lifts = {
        ("pause", 3): lambda raw: {"kind": "execution_paused", "v": 0, "at": raw["at"], "why": raw["because"]},
        ("execution_paused", 0): renamed,
    }

    assert decode_events(oldest, lifts) == [ExecutionPaused(1.0, "lunch")]


def test_every_lift_leads_to_a_version_that_can_be_read() -> None:
    assert all(version < 1 or kind not in EVENT_TYPES for kind, version in UPCASTS)


@pytest.mark.parametrize(
    "body",
    [
        b'[{"kind":"execution_paused","v":2,"at":1.0,"reason":"x"}]',
        b'[{"kind":"execution_dreaming","v":1,"at":1.0}]',
        b'[{"kind":"execution_paused","v":1,"at":1.0}]',
        b'[{"kind":"execution_paused","v":1,"at":1.0,"reason":"x","mood":"good"}]',
        b'[{"at":1.0}]',
    ],
)
def test_what_this_version_does_not_know_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(UnreadableEvent, match="newer server"):
        decode_events(body)


def test_what_is_left_out_takes_its_default() -> None:
    """A field that was added later with a default needs no lift."""
    failed = StepFailed(1.0, "a", 1, StepError("boom", "it went boom"), 2.0)
    body = encode_events([failed]).replace(b',"handled_by":null', b"").replace(b',"details":null', b"")

    assert decode_events(body) == [failed]
    assert replace(failed, handled_by=None) == failed
