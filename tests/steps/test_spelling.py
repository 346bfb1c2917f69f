"""The nearest known name."""

from workflow_engine.steps.spelling import advice


def test_a_near_name_is_advised() -> None:
    assert advice("dependancies", ["steps", "dependencies"]) == "; did you mean 'dependencies'?"


def test_nothing_is_advised_where_nothing_is_near() -> None:
    assert advice("colour", ["steps", "dependencies"]) == ""
    assert advice("steps", []) == ""


def test_a_name_of_any_length_is_answered() -> None:
    assert advice("steps" * 100_000, ["steps"]) == ""
