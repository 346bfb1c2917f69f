"""Steps that decide and wait. They act through verdicts, so that the engine needs no special case for any of them."""

from collections.abc import Callable
from typing import Final, TypeAlias

from workflow_engine.clock import iso
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import ALWAYS_TRUE, ANYTHING, INSTANT, closed_object, open_object, same_json
from workflow_engine.steps.contract import (
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    Routed,
    StepFailure,
    StepRequest,
    StepType,
    Suspended,
)

ONE_YEAR: Final = 31_536_000


def workflow_engine_step_types() -> list[OfferedStep]:
    return [
        OfferedStep(CONDITIONAL, conditional),
        OfferedStep(SWITCH, switch),
        OfferedStep(DELAY, delay),
        OfferedStep(WAIT_FOR_SIGNAL, wait_for_signal),
    ]


# --- conditional


def conditional(request: StepRequest) -> Json:
    config = request.config
    met, test_value = _judged(request.input, config)
    return {
        "result": config.get("true_result", True) if met else config.get("false_result", False),
        "condition_met": met,
        "condition_type": "condition" if "condition" in config else config.get("condition_type", "equals"),
        "test_value": test_value,
        "condition_value": config.get("condition_value"),
        "evaluated_at": iso(request.now),
        "success": True,
    }


def _judged(given: JsonObject, config: JsonObject) -> tuple[bool, Json]:
    if "condition" in config:
        met = _truth(config["condition"])
        return met, met
    condition_type = config.get("condition_type", "equals")
    test = _TESTS.get(condition_type) if isinstance(condition_type, str) else None
    if test is None:
        raise InvalidConfig(f"Unknown condition_type: {condition_type}")
    test_value = given.get(str(config.get("condition_key", "value")))
    return test(test_value, config.get("condition_value")), test_value


def _truth(evaluated: Json) -> bool:
    if not isinstance(evaluated, bool):
        raise InvalidConfig("A condition must yield true or false")
    return evaluated


def _contains(value: Json, wanted: Json) -> bool:
    match value:
        case list():
            return any(same_json(item, wanted) for item in value)
        case str() | dict():
            return isinstance(wanted, str) and wanted in value
        case _:
            return False


def _greater(value: Json, other: Json) -> bool:
    """Only numbers compare with numbers and text with text; everything else is not greater, and not less."""
    if isinstance(value, bool) or isinstance(other, bool):
        return False
    if isinstance(value, int | float) and isinstance(other, int | float):
        return value > other
    return isinstance(value, str) and isinstance(other, str) and value > other


_Test: TypeAlias = Callable[[Json, Json], bool]

_TESTS: Final[dict[str, _Test]] = {
    "equals": same_json,
    "not_equals": lambda value, other: not same_json(value, other),
    "contains": _contains,
    "greater_than": _greater,
    "less_than": lambda value, other: _greater(other, value),
    "exists": lambda value, _: value is not None,
    "not_exists": lambda value, _: value is None,
}


# --- switch


def switch(request: StepRequest) -> Routed:
    matched, routed_to = _first_match(request.config)
    output: JsonObject = {
        "result": routed_to,
        "condition_met": matched is not None,
        "matched_case": matched,
        "routed_to": routed_to,
        "evaluated_at": iso(request.now),
        "success": True,
    }
    return Routed(output, (routed_to,) if routed_to is not None else ())


def _first_match(config: JsonObject) -> tuple[int | None, str | None]:
    cases = config.get("cases")
    for place, case in enumerate(cases if isinstance(cases, list) else []):
        if isinstance(case, dict) and _case_holds(case, config):
            return place, str(case["then"])
    default = config.get("default")
    return None, default if isinstance(default, str) else None


def _case_holds(case: JsonObject, config: JsonObject) -> bool:
    if ("condition" in case) == ("equals" in case):
        raise InvalidConfig("A case of a switch requires either 'condition' or 'equals'")
    if "condition" in case:
        return _truth(case["condition"])
    if "value" not in config:
        raise InvalidConfig("A case with 'equals' requires the 'value' of the switch")
    return same_json(case["equals"], config["value"])


# --- delay


def delay(request: StepRequest) -> Json | Suspended:
    seconds = request.config.get("delay_seconds", 1.0)
    if not isinstance(seconds, int | float):
        raise InvalidConfig("delay_seconds must be a number")
    if request.resumption is None and seconds > 0:
        return Suspended(seconds=float(seconds), memo={"started": request.now})
    started = _since(request)
    return {
        "delay_requested": seconds,
        "delay_actual": max(0.0, request.now - started),
        "started_at": iso(started),
        "completed_at": iso(request.now),
        "input_data": request.input,
        "success": True,
    }


def _since(request: StepRequest) -> float:
    memo = request.resumption.memo if request.resumption else None
    started = memo.get("started") if isinstance(memo, dict) else None
    return float(started) if isinstance(started, int | float) else request.now


# --- wait_for_signal


def wait_for_signal(request: StepRequest) -> Json | Suspended:
    name = str(request.config["signal_name"])
    timeout = request.config.get("timeout_seconds")
    on_timeout = request.config.get("on_timeout", "fail")
    if on_timeout not in ("fail", "continue"):
        raise InvalidConfig(f"Unknown on_timeout: {on_timeout}")
    if request.resumption is None:
        seconds = float(timeout) if isinstance(timeout, int | float) else None
        return Suspended(seconds=seconds, signal=name)
    timed_out = request.resumption.by == "timer"
    if timed_out and on_timeout == "fail":
        raise StepFailure("signal-timeout", f"Signal {name} did not come within {timeout} seconds", retryable=False)
    return {
        "signal": name,
        "payload": None if timed_out else request.resumption.payload,
        "received_at": None if timed_out else iso(request.now),
        "timed_out": timed_out,
        "success": True,
    }


# --- contracts

CONDITIONAL: Final = StepType(
    "conditional",
    title="Conditional",
    description="Answers the truth of a condition, as data.",
    config_schema=closed_object(
        condition={"format": "condition", "description": "Any condition of a document; wins over condition_type."},
        condition_type={"type": "string", "default": "equals", "description": ", ".join(_TESTS)},
        condition_key={"type": "string", "default": "value", "description": "The key of the input that is tested."},
        condition_value={"description": "What it is compared with."},
        true_result={"default": True},
        false_result={"default": False},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["result", "condition_met", "condition_type", "test_value", "condition_value", "evaluated_at", "success"],
        result=ANYTHING,
        condition_met={"type": "boolean"},
        condition_type={"type": "string"},
        test_value=ANYTHING,
        condition_value=ANYTHING,
        evaluated_at=INSTANT,
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    tags=("control",),
    examples=(
        {
            "config": {"condition_type": "greater_than", "condition_key": "score", "condition_value": 80},
            "input": {"score": 85},
        },
    ),
    documentation=(
        "A key that is missing, or null, does not exist, equals only null, and is neither greater nor less than "
        "anything. Numbers compare with numbers and text with text; a comparison across kinds is false."
    ),
)

SWITCH: Final = StepType(
    "switch",
    title="Switch",
    description="Goes on with the step of the first case that holds.",
    config_schema=closed_object(
        ["cases"],
        value={"description": "What the `equals` of the cases are compared with."},
        cases={
            "type": "array",
            "minItems": 1,
            "maxItems": 1000,
            "items": closed_object(
                ["then"],
                condition={"format": "condition"},
                equals={"description": "Holds when it equals `value`."},
                then={"type": "string", "format": "step-id"},
            ),
        },
        default={"type": "string", "format": "step-id", "description": "When no case holds; absent = go nowhere."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["result", "condition_met", "matched_case", "routed_to", "evaluated_at", "success"],
        result={"type": ["string", "null"]},
        condition_met={"type": "boolean"},
        matched_case={"type": ["integer", "null"], "description": "Place of the case in the list, from 0."},
        routed_to={"type": ["string", "null"]},
        evaluated_at=INSTANT,
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    tags=("control",),
    examples=(
        {
            "config": {"value": "b", "cases": [{"equals": "a", "then": "one"}, {"equals": "b", "then": "two"}]},
            "input": {},
        },
    ),
    documentation=(
        "The steps named by `then` and `default` wait for the switch, and of them only the chosen one runs. A case has "
        "either a `condition`, or `equals`, which is compared with the `value` of the switch."
    ),
)

DELAY: Final = StepType(
    "delay",
    title="Delay",
    description="Waits, durably and without holding anything, until some seconds have passed.",
    config_schema=closed_object(delay_seconds={"type": "number", "minimum": 0, "maximum": ONE_YEAR, "default": 1.0}),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["delay_requested", "delay_actual", "started_at", "completed_at", "input_data", "success"],
        delay_requested={"type": "number"},
        delay_actual={"type": "number", "minimum": 0},
        started_at=INSTANT,
        completed_at=INSTANT,
        input_data={"type": "object"},
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    tags=("control",),
    examples=({"config": {"delay_seconds": 0}, "input": {"kept": "as it came"}},),
    documentation="The timer survives restarts, never fires early by the server's clock, and keeps the input.",
)

WAIT_FOR_SIGNAL: Final = StepType(
    "wait_for_signal",
    title="Wait for a signal",
    description="Waits, durably and without holding anything, until a signal of this name is sent to the execution.",
    config_schema=closed_object(
        ["signal_name"],
        signal_name={"type": "string", "minLength": 1, "maxLength": 128},
        timeout_seconds={"type": "number", "minimum": 0.001, "maximum": ONE_YEAR},
        on_timeout={"type": "string", "default": "fail", "description": "fail, continue"},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["signal", "payload", "received_at", "timed_out", "success"],
        signal={"type": "string"},
        payload=ANYTHING,
        received_at={"type": ["string", "null"]},
        timed_out={"type": "boolean"},
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    error_codes=(ErrorCode("signal-timeout", False, "No signal came in time."),),
    tags=("control",),
    examples=({"config": {"signal_name": "approved", "timeout_seconds": 3600}, "input": {}},),
    documentation=(
        "Sent by `POST /executions/{id}/signals/{name}`. Without `timeout_seconds` it waits for ever. After a time-out "
        "it fails with `signal-timeout`, or, with `on_timeout: continue`, completes with `timed_out: true`."
    ),
)
