"""What is known after a crash test, and every promise that was broken: a pure function, so that it can be tested."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.serving.receiver import Call, Reply

ENDS_OF_STEPS: Final = frozenset({"step_completed", "step_failed", "step_skipped", "step_cancelled"})
ENDS_OF_EXECUTIONS: Final = frozenset({"execution_completed", "execution_failed", "execution_cancelled"})
CALLED_STEPS: Final = ("left", "right", "join")


@dataclass(frozen=True, slots=True)
class Order:
    """One execution that a client wanted: its key, its input, and the id in every answer it ever got."""

    key: str
    number: int
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One execution as it is at the end. `deliveries`: path and fence of every hand-over, in order, as stored."""

    results: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    deliveries: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """`listed`: the ids of `GET /executions`; `found`: by id; `calls`: all the receiver got, those of the dead, too."""

    orders: Sequence[Order]
    listed: Sequence[str]
    found: Mapping[str, Found]
    calls: Sequence[tuple[Call, Reply]]


def document() -> dict[str, Any]:
    """Two slow calls at once and a third that joins them: 3n + 1, and who said so."""

    def called(step_id: str, mapping: Mapping[str, str]) -> dict[str, Any]:
        return {
            "step_id": step_id,
            "step_type": "slow",
            "input_mapping": mapping,
            "config": {"step": step_id, "execution": "${execution.id}"},
            "max_retries": 20,
            "retry_strategy": "fixed_delay",
            "retry_delay_seconds": 0.05,
        }

    number = {"n": "begin.data"}
    parts = {"left": "left.value", "right": "right.value", "left_by": "left.token", "right_by": "right.token"}
    begin = {"step_id": "begin", "step_type": "data_input", "config": {"input_type": "dynamic", "source": "n"}}
    return {
        "name": "crash test",
        "execution_pattern": "parallel",
        "steps": [begin, called("left", number), called("right", number), called("join", parts)],
        "output": {"value": "${steps.join.output.value}"},
    }


def value_of(call: Call) -> int:
    """What the receiver works out for a call of `document`."""
    given: Mapping[str, int] = call.input
    match call.config["step"]:
        case "left":
            return given["n"] + 1
        case "right":
            return given["n"] * 2
        case _:
            return given["left"] + given["right"]


def violations(evidence: Evidence) -> list[str]:
    """Every promise that was broken, as a sentence; none when all were kept."""
    return [line for check in _CHECKS for line in check(evidence)]


def _acknowledged_exist_once(evidence: Evidence) -> Iterator[str]:
    accepted: list[str] = []
    for order in evidence.orders:
        if len(set(order.answers)) != 1:
            yield f"key {order.key} was answered with {sorted(set(order.answers))}"
        accepted += sorted(set(order.answers))
    for execution_id, count in Counter(accepted).items():
        if count > 1:
            yield f"execution {execution_id} was given to {count} keys"
    listed = Counter(evidence.listed)
    yield from (f"execution {each} was acknowledged and is lost" for each in accepted if listed[each] == 0)
    yield from (f"execution {each} is listed {count} times" for each, count in listed.items() if count > 1)
    yield from (f"execution {each} exists and nobody asked for it" for each in listed if each not in accepted)


def _ends_right(evidence: Evidence) -> Iterator[str]:
    for order in evidence.orders:
        for execution_id in set(order.answers) & evidence.found.keys():
            results = evidence.found[execution_id].results
            said = (results["status"], results["output"])
            if said != ("completed", {"value": 3 * order.number + 1}):
                yield f"execution {execution_id} of {order.number} ended {said}: {results['error']}"


def _histories_are_whole(evidence: Evidence) -> Iterator[str]:
    for execution_id, found in evidence.found.items():
        seqs = [event["seq"] for event in found.events]
        if seqs != list(range(1, len(seqs) + 1)):
            yield f"execution {execution_id} has a gap or a repetition in its history: {seqs}"


def _ends_once(evidence: Evidence) -> Iterator[str]:
    for execution_id, found in evidence.found.items():
        ended: set[str | None] = set()
        for event in found.events:
            path = event.get("path")
            if path in ended or None in ended:
                yield f"execution {execution_id}: {event['kind']} of {path} behind its end"
            if event["kind"] in ENDS_OF_STEPS | ENDS_OF_EXECUTIONS:
                ended.add(path)
        if None not in ended:
            yield f"execution {execution_id} has no terminal event"


def _fences_grow(evidence: Evidence) -> Iterator[str]:
    for execution_id, found in evidence.found.items():
        last: dict[str, int] = defaultdict(int)
        for path, delivery in found.deliveries:
            if delivery <= last[path]:
                yield f"execution {execution_id}: {path} was handed over with {delivery} after {last[path]}"
            last[path] = delivery


def _keys_are_stable(evidence: Evidence) -> Iterator[str]:
    keys: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call, _ in evidence.calls:
        keys[_whose(call)].add(call.key)
    yield from (
        f"{whose} was called with several keys: {sorted(used)}" for whose, used in keys.items() if len(used) > 1
    )
    owners = Counter(key for used in keys.values() for key in used)
    yield from (f"key {key} was used for {count} steps" for key, count in owners.items() if count > 1)


def _calls_were_handed_over(evidence: Evidence) -> Iterator[str]:
    """Nobody is called without a fence that was stored before."""
    calls = Counter(_whose(call) for call, _ in evidence.calls)
    for (execution_id, path), count in calls.items():
        found = evidence.found.get(execution_id)
        stored = 0 if found is None else sum(where == path for where, _ in found.deliveries)
        if count > stored:
            yield f"execution {execution_id}: {path} was called {count} times and handed over {stored} times"


def _one_result_counts(evidence: Evidence) -> Iterator[str]:
    """A stored result is one that was answered under the key of that step, and nobody ever saw another one."""
    answered: dict[tuple[str, str], set[str]] = defaultdict(set)
    for call, reply in evidence.calls:
        if reply.status == 200:
            answered[_whose(call)].add(reply.body["token"])
    stored = {(each, path): _token(found, path) for each, found in evidence.found.items() for path in CALLED_STEPS}
    for whose, token in stored.items():
        if token is not None and token not in answered[whose]:
            yield f"{whose} holds {token}, which was never answered to it"
    for call, _ in evidence.calls:
        execution_id, path = _whose(call)
        for source in ("left", "right") if path == "join" else ():
            token = stored.get((execution_id, source))
            if token is not None and call.input[f"{source}_by"] != token:
                yield f"execution {execution_id}: join saw another result of {source} than the one that counts"


def _whose(call: Call) -> tuple[str, str]:
    return call.config["execution"], call.config["step"]


def _token(found: Found, path: str) -> str | None:
    step = found.results["step_results"].get(path)
    token: str | None = None if step is None or step["output_data"] is None else step["output_data"]["token"]
    return token


CHECKS_OF_HISTORIES: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    _acknowledged_exist_once,
    _histories_are_whole,
    _ends_once,
    _fences_grow,
)
"""What must hold whoever did the steps."""
_CHECKS: Final = (
    *CHECKS_OF_HISTORIES,
    _ends_right,
    _keys_are_stable,
    _calls_were_handed_over,
    _one_result_counts,
)
