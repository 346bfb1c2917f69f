"""Steps that run in this process: whatever one of them does, it fails alone, by a name."""

import asyncio
import functools
import sys
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest

from tests.runtime.engines import (
    Calls,
    Contract,
    document,
    ended,
    engine_on,
    idle,
    offered,
    opened,
    run,
    settings,
    start,
    step,
    until,
)
from workflow_engine.clock import SystemClock
from workflow_engine.dispatch.contract import Task
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.local import LocalSteps
from workflow_engine.dispatch.threads import StepThreads
from workflow_engine.engine.caller import LOCAL
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import (
    Effect,
    Routed,
    StepFailure,
    StepFunction,
    StepRequest,
    StepType,
    Suspended,
    Verdict,
)

MIB = 1024 * 1024


class Undescribable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this works")


class Unfinished:
    """Answers with something that is no JSON."""


def loop_in_itself() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


def raising(failure: BaseException) -> NoReturn:
    raise failure


OUTPUT: JsonObject = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}

RUBBISH: dict[str, tuple[Any, str, str]] = {
    "a ValueError": (lambda: raising(ValueError("wrong")), "unexpected-error", "ValueError: wrong"),
    "an exception that cannot be shown": (lambda: raising(Undescribable()), "unexpected-error", "cannot be shown"),
    "half a surrogate": (lambda: raising(ValueError("\ud800")), "unexpected-error", "ValueError: ?"),
    "sys.exit": (lambda: sys.exit(3), "unexpected-error", "SystemExit: 3"),
    "its own cancellation": (lambda: raising(asyncio.CancelledError()), "unexpected-error", "CancelledError"),
    "a failure with a code": (lambda: raising(StepFailure("declined", "no money")), "declined", "no money"),
    "a failure with details that are no JSON": (
        lambda: raising(StepFailure("declined", "no money", details=Unfinished())),  # type: ignore[arg-type]  # rubbish
        "declined",
        "no money",
    ),
    "a failure that is all wrong": (
        lambda: raising(StepFailure(7, None, retryable="no", retry_after="soon")),  # type: ignore[arg-type]  # rubbish
        "7",
        "None",
    ),
    "an object": (lambda: {"n": Unfinished()}, "contract-violation", "not JSON"),
    "a set": (lambda: {"n": {1, 2}}, "contract-violation", "not JSON"),
    "a number for a key": (lambda: {1: 2}, "contract-violation", "not JSON"),
    "an endless list": (lambda: {"n": loop_in_itself()}, "contract-violation", "not JSON"),
    "NaN": (lambda: {"n": 1, "x": float("nan")}, "contract-violation", "NaN"),
    "Infinity": (lambda: {"n": 1, "x": [float("inf")]}, "contract-violation", "Infinity"),
    "too large an integer": (lambda: {"n": 2**64}, "contract-violation", "not JSON"),
    "a lone surrogate": (lambda: {"n": 1, "x": "\udfff"}, "contract-violation", "not JSON"),
    "17 MiB": (lambda: {"n": 1, "x": "x" * (17 * MIB)}, "payload-too-large", "at most 16777216"),
    "another shape than promised": (lambda: {"n": "one"}, "contract-violation", "/n"),
    "nothing": (lambda: None, "contract-violation", "output schema"),
    "a wait of words": (lambda: Suspended(seconds="soon"), "contract-violation", "seconds"),  # type: ignore[arg-type]  # rubbish
    "a wait for a number": (lambda: Suspended(signal=5), "contract-violation", "signal"),  # type: ignore[arg-type]  # rubbish
    "a wait that never ends": (lambda: Suspended(seconds=float("nan")), "contract-violation", "suspended itself"),
    "a memo that is no JSON": (
        lambda: Suspended(seconds=1, memo=Unfinished()),  # type: ignore[arg-type]  # rubbish
        "contract-violation",
        "not JSON",
    ),
    "a route to nobody": (lambda: Routed({"n": 1}, ("nobody",)), "invalid-config", "nobody"),
    "a route that is a text": (lambda: Routed({"n": 1}, "abc"), "contract-violation", "step ids"),  # type: ignore[arg-type]  # rubbish
    "a route to lists": (lambda: Routed({"n": 1}, ([],)), "contract-violation", "step ids"),  # type: ignore[arg-type]  # rubbish
}


@pytest.mark.parametrize("how", ["async", "thread", "inline"])
@pytest.mark.parametrize("what", RUBBISH)
async def test_rubbish_fails_its_step_alone_by_a_name(what: str, how: str) -> None:
    make, code, words = RUBBISH[what]

    def plain(_request: StepRequest) -> Verdict | Json:
        return make()  # type: ignore[no-any-return]  # rubbish on purpose

    async def coroutine(_request: StepRequest) -> Verdict | Json:
        return make()  # type: ignore[no-any-return]  # rubbish on purpose

    contract: Contract = {"output_schema": OUTPUT}
    if how == "inline":
        contract = {**contract, "inline": True, "effect": Effect.PURE}
    bad = offered(coroutine if how == "async" else plain, "bad", **contract)
    journal = await opened(MemoryJournal())
    async with engine_on(journal, bad, offered(Calls())) as (engine, _):
        body = document(step("a", step_type="bad", critical=False), step("b"))
        results = await run(engine, body)

    assert results.status == "completed"
    assert results.steps["b"].status == "completed"
    error = results.steps["a"].error
    assert error is not None
    assert error.code == code
    assert words in error.message


async def test_a_failure_is_shown_up_to_a_length() -> None:
    async def bad(_request: StepRequest) -> Json:
        raise ValueError("x" * MIB)

    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(bad)) as (engine, _):
        error = (await run(engine, document(step("a")))).steps["a"].error
    assert error is not None
    assert len(error.message) < 10_000


async def test_input_and_config_are_held_against_the_contract_before_the_step_runs() -> None:
    calls = Calls()
    wants: JsonObject = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(calls, input_schema=wants, config_schema=wants)) as (engine, _):
        given: Json = {"n": "${input.n}"}
        body = document(step("a", config={"n": 1}, input_mapping=given))
        wrong = await engine.executions.start(LOCAL, {"workflow_config": body, "input_data": {"n": "one"}})
        error = (await ended(engine, wrong.execution_id)).steps["a"].error
        assert error is not None
        assert error.code == "contract-violation"
        assert "/n" in error.message

        gone = document(step("a", config={"n": 1}, input_mapping={"n": "input.gone"}))
        error = (await run(engine, gone)).steps["a"].error
        assert error is not None
        assert error.code == "mapping-error"
        assert calls.seen == []


async def test_no_more_coroutines_run_at_once_than_allowed_and_the_rest_wait_in_order() -> None:
    calls = Calls(open_gate=False)
    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(calls), given=settings(max_running_steps=2, grace=0.0)) as (engine, parts):
        steps = [step(f"s{n}") for n in range(5)]
        execution_id = await start(engine, document(*steps, execution_pattern="parallel"))
        await until(lambda: parts.ring.local.busy == (2, 3))
        await idle()
        assert calls.paths == ["s0", "s1"]
        calls.gate.set()
        assert (await ended(engine, execution_id)).status == "completed"
        assert calls.paths == [f"s{n}" for n in range(5)]


async def test_what_waits_for_a_place_never_begins_after_a_cancel() -> None:
    calls = Calls(open_gate=False)
    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(calls), given=settings(max_running_steps=1, grace=0.0)) as (engine, parts):
        first = await start(engine, document(step("a")))
        second = await start(engine, document(step("b")))
        await until(lambda: parts.ring.local.busy == (1, 1))
        await engine.executions.cancel(LOCAL, second)
        calls.gate.set()
        await ended(engine, first)
        await asyncio.sleep(0.02)
        assert calls.paths == ["a"]


async def test_what_must_not_start_twice_is_not_begun_after_its_execution_was_cancelled() -> None:
    calls = Calls(open_gate=False)
    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(calls)) as (engine, _):
        execution_id = await start(engine, document(step("a"), step("b", "a")))
        await until(lambda: calls.seen)
        await engine.executions.cancel(LOCAL, execution_id)
        calls.gate.set()
        await asyncio.sleep(0.02)
        assert calls.paths == ["a"]
        assert calls.cancelled == ["a"]


class Awaited:
    """An object that is called like a coroutine function."""

    async def __call__(self, _request: StepRequest) -> Json:
        await asyncio.sleep(0)
        return {"n": 1}


def noted(function: StepFunction) -> StepFunction:
    @functools.wraps(function)
    def around(request: StepRequest) -> Verdict | Json | Awaitable[Verdict | Json]:
        answer: Verdict | Json | Awaitable[Verdict | Json] = function(request)
        return answer

    return around


async def test_everything_that_can_be_awaited_runs_on_the_loop() -> None:
    async def function(request: StepRequest, more: int = 0) -> Json:
        return {"n": more, "loop": asyncio.get_running_loop().is_running()}

    journal = await opened(MemoryJournal())
    offers = [
        offered(function, "plain"),
        offered(functools.partial(function, more=1), "partial"),
        offered(Awaited(), "object"),
        offered(noted(function), "decorated"),
    ]
    async with engine_on(journal, *offers) as (engine, _):
        for kind in ("plain", "partial", "object", "decorated"):
            results = await run(engine, document(step("a", step_type=kind)))
            assert results.status == "completed", (kind, results)


async def test_a_step_knows_who_it_is_and_which_attempt() -> None:
    calls = Calls()
    journal = await opened(MemoryJournal())
    async with engine_on(journal, offered(calls)) as (engine, _):
        body: Json = {"workflow_config": document(step("a", timeout_seconds=9)), "user_id": "u", "correlation_id": "c"}
        accepted = await engine.executions.start(LOCAL, body)
        await ended(engine, accepted.execution_id)

    request = calls.seen[0]
    assert request.execution_id == accepted.execution_id
    assert (request.path, request.step_id, request.step_type) == ("a", "a", "work")
    assert (request.attempt, request.delivery, request.timeout_seconds) == (1, 1, 9)
    assert request.idempotency_key == f"wfk_{accepted.execution_id}_a"
    assert (request.user.user_id, request.correlation_id, request.namespace) == ("u", "c", "default")


# --- who goes first

SLOW = StepType("slow")


def task(name: str, priority: int = 0) -> Task:
    request = StepRequest(name, None, "w", "default", "a", "a", "slow", 1, 1, f"wfk_{name}_a", {}, {}, 0.0)
    return Task(SLOW, request, priority)


async def test_where_many_wait_the_higher_priority_goes_first_and_equal_ones_in_order() -> None:
    began: list[str] = []
    reported: asyncio.Queue[str] = asyncio.Queue()

    async def work(request: StepRequest) -> None:
        began.append(request.execution_id)
        await asyncio.sleep(0)

    local = LocalSteps(lambda _type: work, Gates(1_000), SystemClock(), StepThreads(1, 1), max_running=1)
    local.report_to(lambda done, _report: reported.put_nowait(done.request.execution_id), lambda _task: None)
    for waiting in (task("first"), task("low"), task("gone", 9), task("high", 5), task("late", 5)):
        local.dispatch(waiting)
    local.abort("gone", "a")

    assert [await reported.get() for _ in range(4)] == ["first", "high", "late", "low"]
    assert began == ["first", "high", "late", "low"]
    assert local.busy == (0, 0)
