"""What a case expects against what a server did: every difference as a sentence, none when it conforms."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.conformance.cases import Case
from tests.serving.client import Answer, Client


@dataclass(frozen=True, slots=True)
class Outcome:
    """`results`, `summary` and `events` are empty when the request was refused."""

    answer: Answer
    results: Mapping[str, Any]
    summary: Mapping[str, Any]
    events: list[Any]


def executed(client: Client, case: Case) -> Outcome:
    """Start it, and look at all that is to be seen of it at its end."""
    answer = client.post("/workflows/execute", case.body)
    if answer.status != 200:
        return Outcome(answer, {}, {}, [])
    execution_id = answer.body["execution_id"]
    results = client.results(execution_id)
    return Outcome(answer, results, client.get(f"/executions/{execution_id}").body, client.events(execution_id))


def differences(expect: Mapping[str, Any], outcome: Outcome) -> list[str]:
    """Raises `KeyError` for an expectation nobody knows how to check."""
    if "http" not in expect and outcome.answer.status != 200:
        return [f"refused with {outcome.answer.status}: {outcome.answer.body}"]
    return [line for name, wanted in expect.items() for line in _CHECKS[name](wanted, outcome)]


def _http(wanted: int, outcome: Outcome) -> Iterator[str]:
    if outcome.answer.status != wanted:
        yield f"answered {outcome.answer.status}, not {wanted}: {outcome.answer.body}"


def _codes(wanted: list[str], outcome: Outcome) -> Iterator[str]:
    if sorted(outcome.answer.codes) != sorted(wanted):
        yield f"problems {outcome.answer.codes}, not {wanted}: {outcome.answer.body}"


def _status(wanted: str, outcome: Outcome) -> Iterator[str]:
    for where, found in (("results", outcome.results["status"]), ("execution", outcome.summary["status"])):
        if found != wanted:
            yield f"{where}: status {found}, not {wanted}: {outcome.results['metadata'].get('error_message')}"


def _steps(wanted: Mapping[str, str], outcome: Outcome) -> Iterator[str]:
    for step, status in wanted.items():
        found = outcome.summary["step_statuses"].get(step)
        if found != status:
            yield f"step {step} is {found}, not {status}: {_step(outcome, step).get('error_message')}"
        shown = _step(outcome, step).get("status", "absent")
        if shown not in (status, "absent"):
            yield f"step {step} is {shown} in the results, not {status}"


def _not_completed(wanted: list[str], outcome: Outcome) -> Iterator[str]:
    for step in wanted:
        if outcome.summary["step_statuses"].get(step) == "completed":
            yield f"step {step} completed"


def _counts(wanted: Mapping[str, int], outcome: Outcome) -> Iterator[str]:
    for name, count in wanted.items():
        if outcome.summary[name] != count:
            yield f"{name} is {outcome.summary[name]}, not {count}"


def _output(wanted: Mapping[str, Any], outcome: Outcome) -> Iterator[str]:
    for step, output in wanted.items():
        yield from _unlike(output, _step(outcome, step).get("output_data"), f"output of {step}")


def _output_startswith(wanted: Mapping[str, str], outcome: Outcome) -> Iterator[str]:
    for place, text in wanted.items():
        step, key = place.split(".")
        found = (_step(outcome, step).get("output_data") or {}).get(key)
        if not str(found).startswith(text):
            yield f"{place} is {found!r}"


def _retries(wanted: Mapping[str, int], outcome: Outcome) -> Iterator[str]:
    for step, count in wanted.items():
        if _step(outcome, step).get("retry_count") != count:
            yield f"step {step} was retried {_step(outcome, step).get('retry_count')} times, not {count}"


def _error_codes(wanted: Mapping[str, str], outcome: Outcome) -> Iterator[str]:
    for step, code in wanted.items():
        found = (_step(outcome, step).get("error") or {}).get("code")
        if found != code:
            yield f"step {step} failed with {found}, not {code}"


def _result(wanted: object, outcome: Outcome) -> Iterator[str]:
    yield from _unlike(wanted, outcome.results["output"], "result")


def _error_contains(wanted: str, outcome: Outcome) -> Iterator[str]:
    message = outcome.results["metadata"].get("error_message")
    if wanted not in str(message):
        yield f"the error is {message!r}"


def _order(wanted: list[str], outcome: Outcome) -> Iterator[str]:
    found = [event["path"] for event in outcome.events if event["kind"] == "step_completed"]
    if found != wanted:
        yield f"completed in the order {found}, not {wanted}"


_CHECKS: Final[Mapping[str, Callable[[Any, Outcome], Iterator[str]]]] = {
    "http": _http,
    "codes": _codes,
    "status": _status,
    "steps": _steps,
    "not_completed": _not_completed,
    "counts": _counts,
    "output": _output,
    "output_startswith": _output_startswith,
    "retries": _retries,
    "error_codes": _error_codes,
    "result": _result,
    "error_contains": _error_contains,
    "order": _order,
}


def _step(outcome: Outcome, step: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = outcome.results["step_results"].get(step, {})
    return found


def _unlike(wanted: object, found: object, where: str) -> Iterator[str]:
    """An object may hold more than was wanted; everything else is the same, 1 and 1.0 and true apart."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            if key in found:
                yield from _unlike(value, found[key], f"{where}.{key}")
            else:
                yield f"{where} has no key {key}, only {sorted(found)}"
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (left, right) in enumerate(zip(wanted, found, strict=True)):
            yield from _unlike(left, right, f"{where}[{index}]")
    elif type(wanted) is not type(found) or wanted != found:
        yield f"{where} is {found!r}, not {wanted!r}"
