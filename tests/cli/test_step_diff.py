"""Two versions of a step type, compared part by part."""

from workflow_engine.cli.step_diff import Change, diff_of
from workflow_engine.jsontext import JsonObject

OLD: JsonObject = {"step_type": "t", "version": "1.0.0", "tags": [], "output_schema": None, "description": ""}


def test_a_part_that_did_not_change_is_not_told() -> None:
    assert diff_of(OLD, {**OLD, "registered_at": "later", "step_id": "other"}, "1.0.0").changes == ()


def test_a_schema_that_grew_compatibly_is_told_as_such() -> None:
    diff = diff_of(OLD, {**OLD, "output_schema": {"type": "string"}, "description": "x" * 99}, "1.1.0")
    assert diff.changes[0] == Change("output", "changed, and compatible", breaks=False)
    assert diff.changes[1].told == f'"" -> "{"x" * 44}...'
    assert not diff.breaks


def test_every_break_has_a_line_of_its_own() -> None:
    strict: JsonObject = {"type": "object", "required": ["a", "b"]}
    diff = diff_of(OLD, {**OLD, "parameters_schema": strict}, "2.0.0")
    assert [change.told for change in diff.changes if change.breaks][1:] == [
        "/: 'a' is newly required",
        "/: 'b' is newly required",
    ]
    assert diff.to_json()["from"] == "1.0.0"


def test_a_type_nobody_registered_has_nothing_to_be_compared_with() -> None:
    diff = diff_of(None, OLD, "1.0.0")
    assert (diff.before, diff.changes, diff.breaks) == (None, (), False)
