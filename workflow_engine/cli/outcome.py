"""What came out of an execution, as a person reads it and as the exit code says it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, cast

from rich.console import Console

from workflow_engine.cli.console import harmless, words
from workflow_engine.cli.durations import length
from workflow_engine.cli.failures import FAILED, NOT_FINISHED
from workflow_engine.cli.progress import Progress
from workflow_engine.cli.styles import sign, style
from workflow_engine.errors import NotFound
from workflow_engine.jsontext import Json, JsonObject

_MOST_LINES: Final = 60


class StepDidNotRun(NotFound):
    """`ran` are the steps that did."""

    code = "step-did-not-run"

    def __init__(self, path: str, ran: Sequence[str]) -> None:
        super().__init__(f"no step {path} ran in this execution; there are results of {', '.join(ran) or 'none'}")


def exit_code_of_status(status: Json) -> int:
    return {"completed": 0, "failed": FAILED}.get(str(status), NOT_FINISHED)


def print_heading(console: Console, name: str, results: JsonObject) -> None:
    status, steps = str(results["status"]), _steps(results)
    seconds = _number(_object(results.get("metadata")).get("duration_ms")) / 1000
    completed = sum(step.get("status") == "completed" for step in steps.values())
    mark = (f"{sign(status, console.encoding)} {status}", style(status))
    facts = f"  {completed} {'step' if completed == 1 else 'steps'} completed  {length(seconds)}"
    console.print(words((name, "bold"), "  ", mark, facts, (f"  {results['execution_id']}", "dim")), soft_wrap=True)


def print_outcome(console: Console, results: JsonObject, plan: Progress) -> None:
    """The error if there is one, then what came out: the workflow's own output, else that of its last steps."""
    error = _object(results.get("metadata")).get("error_message")
    if isinstance(error, str) and error:
        console.print(words(("error: ", "bold red"), error))
    for title, value, simulated in _outputs(results, plan):
        console.print(words((title, "bold"), (" (simulated)", "italic magenta") if simulated else ""))
        print_value(console, value)


def output_of(results: JsonObject, path: str) -> Json:
    """What came out of one step. Raises `StepDidNotRun`."""
    step = _steps(results).get(path)
    if step is None:
        raise StepDidNotRun(path, list(_steps(results)))
    return step.get("output_data")


def _outputs(results: JsonObject, plan: Progress) -> Iterator[tuple[str, Json, bool]]:
    if results.get("output") is not None:
        yield "output", results["output"], False
        return
    gone_on_from = {name for step in plan.steps.values() for name in step.waits_for}
    for path, step in _steps(results).items():
        if step.get("status") == "completed" and path not in gone_on_from and "." not in path:
            yield f"output of {path}", step.get("output_data"), step.get("simulated") is True


def print_value(console: Console, value: Json) -> None:
    lines = json.dumps(value, indent=2, ensure_ascii=False).split("\n")
    if len(lines) > _MOST_LINES:
        console.print(words("\n".join(lines[:_MOST_LINES])), soft_wrap=True)
        console.print(words((f"... {len(lines) - _MOST_LINES} more lines; --json prints everything", "dim")))
    else:
        console.print_json(harmless("\n".join(lines)), ensure_ascii=False)


def _steps(results: JsonObject) -> Mapping[str, JsonObject]:
    return cast(Mapping[str, JsonObject], _object(results.get("step_results")))


def _object(value: Json) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _number(value: Json) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0
