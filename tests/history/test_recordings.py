"""Recorded executions of older versions replay: same state, same decisions."""

import pytest

from tests.history.recordings import FOLDER, Recording, facts
from workflow_engine.execution.decide import decide
from workflow_engine.execution.execution import Execution
from workflow_engine.history.encoding import decode_events, encode_events
from workflow_engine.history.events import Event

RECORDINGS = sorted(path.stem for path in FOLDER.glob("*.json"))


def recording(name: str) -> Recording:
    return Recording.read(FOLDER / f"{name}.json")


def test_there_are_recordings() -> None:
    assert {"diamond", "retries", "catch", "compensation", "signals", "quarantine"} <= set(RECORDINGS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_a_recorded_history_folds_to_the_state_it_had(name: str) -> None:
    kept = recording(name)
    events = [event for _, body in kept.turns for event in decode_events(body)]

    assert facts(Execution.folded("e1", kept.plan, events)) == kept.ends_as


@pytest.mark.parametrize("name", RECORDINGS)
def test_from_every_point_of_it_the_same_is_decided_again(name: str) -> None:
    kept = recording(name)
    before: list[Event] = []
    for entering, body in kept.turns:
        execution = Execution.folded("e1", kept.plan, before)
        assert encode_events(decide(execution, entering)) == body
        before += decode_events(body)
