"""Paths that a step type reads itself, over what its step was handed: its input and the outputs of its dependencies."""

from typing import Final

from workflow_engine.expressions.paths import split
from workflow_engine.jsontext import Json
from workflow_engine.steps.contract import StepFailure, StepRequest

_OF_STEPS: Final = ("steps", "step")
MOST_NAMES: Final = 20
"""Names told in a refusal."""


def look_up(path: str, request: StepRequest) -> tuple[bool, Json]:
    """Whether there is such a value, and the value: `key.a[0]` of the input first, then `step_id.a` of a dependency.

    `input.key`, `steps.step_id.a` and `steps.step_id.output.a` are understood, too.
    """
    parts = split(path)
    if parts is None:
        return False, None
    head, segments = parts
    if head in request.input:
        return _follow(request.input[head], segments)
    if head == "input":
        return _follow(request.input, segments)
    if head in _OF_STEPS and head not in request.dependencies and segments and isinstance(segments[0], str):
        head, segments = segments[0], segments[1:]
    if head not in request.dependencies:
        return False, None
    output = request.dependencies[head]
    found, value = _follow(output, segments)
    return (found, value) if found or segments[:1] != ("output",) else _follow(output, segments[1:])


def needed(path: str, request: StepRequest, what: str) -> Json:
    """The value; a step fails with `mapping-error` when it is not there, and says which names are."""
    found, value = look_up(path, request)
    if not found:
        known = ", ".join([*request.input, *request.dependencies][:MOST_NAMES]) or "nothing"
        raise StepFailure("mapping-error", f"{what} names '{path}'; there is: {known}", retryable=False)
    return value


def _follow(value: Json, segments: tuple[str | int, ...]) -> tuple[bool, Json]:
    for segment in segments:
        in_object = isinstance(value, dict) and segment in value
        in_list = isinstance(value, list) and isinstance(segment, int) and segment < len(value)
        if not in_object and not in_list:
            return False, None
        value = value[segment]  # type: ignore[index]  # told apart above
    return True, value
