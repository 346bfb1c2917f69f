"""Reading a stream of events."""

import pytest

from workflow_engine.cli.events import Event, read_stream

STARTED = b'data: {"seq":1,"kind":"execution_started","at":"1970-01-01T00:00:01Z","data":{}}\n'
ENDED = b'data: {"seq":2,"kind":"execution_completed","at":3.5,"path":null,"data":{"output":1}}\n'


def test_comments_ids_and_unknown_fields_are_no_events() -> None:
    lines = [b": open\n", b"\n", b"id: 1\n", b"event: execution_started\n", STARTED, b"\n", b": still here\n", b"\n"]
    assert list(read_stream(lines)) == [Event(1, "execution_started", 1.0, None, {})]


def test_data_over_several_lines_is_one_event() -> None:
    lines = [b'data: {"seq": 2, "kind": "step_skipped",\n', b'data: "at": 2, "path": "a", "data": {}}\r\n', b"\r\n"]
    assert list(read_stream(lines)) == [Event(2, "step_skipped", 2.0, "a", {})]


def test_an_event_that_was_cut_off_is_left_out() -> None:
    assert list(read_stream([STARTED, b"\n", ENDED])) == [Event(1, "execution_started", 1.0, None, {})]


def test_the_terminal_event_is_the_last() -> None:
    (event,) = read_stream([ENDED, b"\n"])
    assert event.is_last


def test_what_is_no_event_is_told() -> None:
    with pytest.raises(KeyError):
        list(read_stream([b"data: {}\n", b"\n"]))
