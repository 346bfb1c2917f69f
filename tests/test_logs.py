"""Every line goes through one door: ours, the standard library's and uvicorn's."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from workflow_engine import logs


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_json_line_holds_the_event_its_level_its_time_and_its_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.logger("workflow_engine.runtime").info("execution started", execution_id="e1", steps=3)
    (line,) = lines(capsys)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "execution started",
        "level": "info",
        "logger": "workflow_engine.runtime",
        "execution_id": "e1",
        "steps": 3,
    }


def test_lines_of_other_libraries_look_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logging.getLogger("another.library").info("Listening on %s", "loopback", extra={"port": 1})
    (line,) = lines(capsys)
    assert (line["event"], line["logger"], line["port"]) == ("Listening on loopback", "another.library", 1)


def test_lines_below_the_level_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "warning")
    logs.logger("a").info("dropped")
    logging.getLogger("b").info("dropped")
    logs.logger("a").warning("kept")
    assert [line["event"] for line in lines(capsys)] == ["kept"]


def test_what_is_bound_to_the_context_stands_in_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    with logs.bound_contextvars(trace_id="t1"):
        logs.logger("a").info("inside")
        logging.getLogger("b").warning("inside")
    logs.logger("a").info("outside")
    assert [line.get("trace_id") for line in lines(capsys)] == ["t1", "t1", None]


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_the_place_but_no_local_variable(
    capsys: pytest.CaptureFixture[str], log_format: logs.LogFormat
) -> None:
    logs.configure(log_format, "info")
    secret = "hunter" + str(len("ab"))
    try:
        raise RuntimeError("the reason")
    except RuntimeError:
        logs.logger("a").exception("it broke")
    shown = capsys.readouterr().err
    assert "RuntimeError: the reason" in shown
    assert secret not in shown


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_value_cannot_forge_a_second_line(capsys: pytest.CaptureFixture[str], log_format: logs.LogFormat) -> None:
    logs.configure(log_format, "info")
    logs.logger("a").info("saved", name="x\n2026-01-01 [info] forged")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_configuring_again_replaces_the_first_choice(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", "info")
    logs.configure("json", "info")
    logs.logger("a").info("once")
    assert len(lines(capsys)) == 1
