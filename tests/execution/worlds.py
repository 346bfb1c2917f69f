"""Random documents, and a random world around one execution: steps that succeed, fail, wait or die with their server.

The world keeps the history in a journal and forgets everything else after every turn, to see whether what is folded
from the stored bytes is the same execution. It believes nothing the core says about itself: what is to be handed over
is counted from the events alone.
"""

import asyncio
from collections import Counter
from random import Random
from typing import Final, cast

from hypothesis import strategies as st

from tests.execution.scenario import NOW, picture, plan_of, step
from workflow_engine.definition.plan import Plan, Role
from workflow_engine.execution.commands import outstanding
from workflow_engine.execution.decide import decide
from workflow_engine.execution.errors import StaleDelivery, TooManySignals
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.hand_overs import waits_for_a_word
from workflow_engine.execution.inputs import (
    Cancel,
    Chunked,
    Failed,
    Input,
    Loss,
    Pause,
    Progressed,
    Recover,
    Resolve,
    Resume,
    Signal,
    Start,
    Succeeded,
    Taken,
    Tick,
    Withdrawn,
)
from workflow_engine.history.events import (
    TERMINAL_EVENTS,
    Event,
    ExecutionPaused,
    ExecutionResumed,
    ExecutionStarted,
    StepCancelled,
    StepCompleted,
    StepError,
    StepFailed,
    StepRescheduled,
    StepResumed,
    StepRetrying,
    StepScheduled,
    StepSkipped,
    StepWaiting,
    TimerFired,
)
from workflow_engine.history.moves import REPORTED_LATE
from workflow_engine.history.state import ExecutionState
from workflow_engine.history.statuses import StepStatus
from workflow_engine.journal.contract import Commit, ExecutionRecord
from workflow_engine.journal.limits import JournalLimits
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.runtime.summaries import summarize
from workflow_engine.steps.contract import Completed, Effect, Routed, Suspended

PATTERNS: Final = ("sequential", "conditional", "dependency", "parallel")
RULES: Final = ("none_failed_min_one_success", "all_success", "all_done", "one_success", "none_failed")
CODES: Final = ("boom", "timeout", "invalid-config", "outcome-unknown")
SIGNALS: Final = ("go", "stop")
MOST_TURNS: Final = 600

# Small, so that one commit takes several rows and many outputs lie outside.
LIMITS: Final = JournalLimits(row_bytes=300, payload_bytes=60)

_HAND_OVERS = (StepScheduled, StepRescheduled, StepResumed, TimerFired)
_ANSWERS = (StepCompleted, StepFailed, StepSkipped, StepCancelled, StepRetrying, StepWaiting)
_ENDS = (StepCompleted, StepFailed, StepSkipped, StepCancelled)


# --- documents

# Bytes, because Hypothesis prefers small numbers, and then every world is much like the last one.
SEEDS: Final = st.binary(min_size=8, max_size=8)


@st.composite
def documents(draw: st.DrawFn) -> JsonObject:
    """A valid document of up to 10 forward steps, with their catch targets and compensations."""
    pick = Random(draw(SEEDS))
    count = pick.choice((0, 1, 2, 3, 4, 5, 6, 8, 10))
    steps: list[JsonObject] = []
    extra: list[JsonObject] = []
    steps += [_forward(pick, f"s{number}", [f"s{earlier}" for earlier in range(number)]) for number in range(count)]
    for one in steps:
        extra += _catching(pick, one)
        extra += _compensated(pick, one)
    if extra and pick.random() < 0.3:
        steps.append(step("late", *(str(one["step_id"]) for one in steps), trigger_rule="all_done"))
    whole: JsonObject = {"name": "random", "steps": [*steps, *extra], "execution_pattern": pick.choice(PATTERNS)}
    if pick.random() < 0.5:
        whole["max_parallel"] = pick.randint(0, 3)
    if pick.random() < 0.15:
        whole["timeout_seconds"] = pick.choice((5, 60, 600))
    if steps and pick.random() < 0.5:
        name = steps[-1]["step_id"]
        whole["output"] = {"s": f"${{steps.{name}.{pick.choice(('status', 'output.ok'))}}}"}
    return whole


def _forward(pick: Random, name: str, earlier: list[str]) -> JsonObject:
    rule = pick.choice((*RULES, RULES[0], "all_done"))
    fields: dict[str, Json] = {"critical": pick.random() < 0.12, "trigger_rule": rule}
    if pick.random() < 0.25:
        fields["step_type"] = pick.choice(("pay", "route"))
    if pick.random() < 0.4:
        fields |= {"max_retries": pick.randint(1, 2), "retry_delay_seconds": pick.choice((0, 1, 20))}
        fields["retry_strategy"] = pick.choice(("fixed_delay", "linear_backoff", "exponential_backoff", "none"))
        if pick.random() < 0.3:
            fields["retry_on"] = ["*"]
    if pick.random() < 0.3:
        fields["timeout_seconds"] = pick.choice((0.5, 3, 30))
    if pick.random() < 0.2:
        fields["conditions"] = _condition(pick, earlier)
    if pick.random() < 0.3:
        mapped = pick.choice(("${input.n + 1}", "${1 / input.zero}", "input.n", "${input.n}!", "${input.n * 7}"))
        fields["input_mapping"] = {"x": mapped}
    if pick.random() < 0.2:
        fields["step_order"] = pick.randint(-2, 2)
    return step(name, *(one for one in earlier if pick.random() < 0.25), **fields)


def _condition(pick: Random, earlier: list[str]) -> str:
    general = ["input.yes", "input.n == 1", "!input.yes", "size(input.gone) > 0"]
    if not earlier:
        return pick.choice(general)
    one = pick.choice(earlier)
    return pick.choice([*general, f"steps.{one}.status == 'completed'", f"{one}.ok == true", f"steps.{one}.output.ok"])


def _catching(pick: Random, one: JsonObject) -> list[JsonObject]:
    if pick.random() > 0.3:
        return []
    name = f"catch_{one['step_id']}" if pick.random() < 0.6 else "catch_all"
    codes = pick.choice((("boom",), ("*",), ("timeout", "outcome-unknown")))
    one["catch"] = [{"errors": list(codes), "then": name}]
    if name == "catch_all":
        return []
    return [step(name, critical=pick.random() < 0.5, input_mapping={"why": "${error.code}!"})]


def _compensated(pick: Random, one: JsonObject) -> list[JsonObject]:
    if pick.random() > 0.3:
        return []
    name = f"undo_{one['step_id']}"
    one["compensate"] = name
    fields: dict[str, Json] = {"max_retries": pick.randint(0, 1)}
    if pick.random() < 0.3:
        fields["conditions"] = f"steps.{one['step_id']}.output.ok"
    return [step(name, **fields)]


def completed(document: JsonObject) -> JsonObject:
    """The document with the one target that several steps share, where any of them needs it."""
    steps = cast("list[JsonObject]", document["steps"])
    routes = [route for one in steps for route in cast("list[JsonObject]", one.get("catch", []))]
    if any(route["then"] == "catch_all" for route in routes):
        return {**document, "steps": [*steps, step("catch_all", critical=False)]}
    return document


# --- the world


class World:
    """Drives one execution of a plan to its end, and checks it after every turn."""

    def __init__(self, document: JsonObject, seed: bytes) -> None:
        self.plan: Plan = plan_of(completed(document))
        self.pick = Random(seed)
        self.now = NOW
        self.journal = MemoryJournal(LIMITS)
        self.execution = Execution("e1", self.plan)
        self.told: list[Event] = []
        self.ledger = Ledger(self.plan)

    async def run(self) -> None:
        await self.journal.open()
        given: JsonObject = {"n": 1, "zero": 0, "yes": True}
        await self.enter(Start(self.now, given, self.plan.digest, dict(self.plan.pins), self.pick.getrandbits(40)))
        for _ in range(self.pick.choice((5, 15, 40, 80))):
            if self.state.ended is None:
                await self.something_happens()
        await self.come_to_an_end()
        await self.check_that_nothing_changes_any_more()

    @property
    def state(self) -> ExecutionState:
        return self.execution.state

    async def enter(self, entering: Input) -> None:
        """Decide twice: in memory, and on what a crash would leave; both must agree, and stay the same."""
        recorded = await self.journal.history("default", "e1")
        assert [entry.seq for entry in recorded] == list(range(1, len(self.told) + 1))
        assert [entry.event for entry in recorded] == self.told
        twin = Execution.folded("e1", self.plan, (entry.event for entry in recorded))
        assert picture(twin) == picture(self.execution)
        events = decide(self.execution, entering)
        assert decide(twin, entering) == events
        assert picture(twin) == picture(self.execution)
        if events:
            await self.store(events)
        for event in events:
            self.ledger.enter(event)
        self.ledger.check(self.execution)

    async def store(self, events: list[Event]) -> None:
        first = len(self.told) + 1
        self.told += events
        commit = Commit(
            "default", "e1", first, tuple(events), summarize(self.execution),
            ExecutionRecord("default", "e1", None, "random", "1", self.plan.digest, NOW, "me") if first == 1 else None,
            {} if first == 1 else None,
        )  # fmt: skip
        answered: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
        self.journal.append(commit, answered.set_result)
        assert await answered is None

    # --- what may happen

    async def something_happens(self) -> None:
        self.now += self.pick.choice((0, 0, 0.1, 1, 10))
        happening = self.pick.choices(
            (self.answer, self.ring, self.stale, self.signal, self.person, self.crash, self.early, self.worker),
            (50, 15, 4, 8, 4, 9, 3, 12),
        )[0]
        await happening()

    async def answer(self) -> None:
        """Somebody who holds a step reports."""
        if commands := outstanding(self.execution):
            command = self.pick.choice(commands)
            await self.enter(self.report(command.path, command.delivery))

    async def worker(self) -> None:
        """A worker that holds a step takes it, says something of it, loses it, or tells late what became of it."""
        unknown = [one for one in self.state.open.values() if waits_for_a_word(one)]
        if unknown and self.pick.random() < 0.5:
            await self.enter(self.report(unknown[0].path, unknown[0].delivery))
        elif commands := outstanding(self.execution):
            command = self.pick.choice(commands)
            await self.enter(self._word(command.path, command.delivery))

    def _word(self, path: str, delivery: int) -> Input:
        match self.pick.randrange(5):
            case 0:
                return Taken(self.now, path, delivery, "worker-1", self.now)
            case 1:
                return Progressed(self.now, path, delivery, 0.5, "half", self.pick.choice((None, "Y2hlY2s=")))
            case 2:
                first = max(self.state.steps[path].next_chunk - self.pick.choice((0, 0, 1)), 0)
                return Chunked(self.now, path, delivery, first, ({"channel": "text", "data": "a"}, {"data": "b"}))
            case _:
                return Withdrawn(self.now, path, delivery, "worker-lost", untouched=self.pick.random() < 0.3)

    def report(self, path: str, delivery: int) -> Input:
        draw = self.pick.random()
        if draw < 0.5:
            output: Json = {"ok": self.pick.random() < 0.5, "text": "x" * self.pick.choice((0, 5, 80))}
            return Succeeded(self.now, path, delivery, Completed(output), 1.0)
        if draw < 0.55:
            dependants = self.plan.dependents[path]
            to = tuple(one for one in dependants if self.pick.random() < 0.5)
            return Succeeded(self.now, path, delivery, Routed({"ok": True}, to), 1.0)
        if draw < 0.75:
            seconds = self.pick.choice((None, 0.0, 2.0, 20.0))
            signal = self.pick.choice((None, *SIGNALS))
            return Succeeded(self.now, path, delivery, Suspended(seconds, signal, {"memo": 1}), 1.0)
        error = StepError(self.pick.choice(CODES), "it failed")
        retryable = self.pick.choice((None, None, True, False))
        return Failed(self.now, path, delivery, error, 1.0, retryable, self.pick.choice((None, None, 0.5)))

    async def ring(self) -> None:
        """The alarm of the execution, at its time or late."""
        if (due := self.state.next_due_at) is not None:
            self.now = max(self.now, due) + self.pick.choice((0, 0, 5))
            await self.enter(Tick(self.now))

    async def early(self) -> None:
        """An alarm that is not due, as after a clock was set back."""
        due = self.state.next_due_at
        before = len(self.told)
        await self.enter(Tick(self.now if due is None else min(self.now, due - 0.001)))
        assert len(self.told) == before

    async def stale(self) -> None:
        """Somebody reports who was given up."""
        known = [one for one in self.state.steps.values() if one.delivery > 0]
        if not known:
            return
        one = self.pick.choice(known)
        held = (one.status is StepStatus.RUNNING and not one.held) or waits_for_a_word(one)
        before = picture(self.execution)
        try:
            decide(self.execution, self.report(one.path, one.delivery - 1 if held else one.delivery + one.held))
        except StaleDelivery:
            assert picture(self.execution) == before
        else:
            raise AssertionError(f"a stale report of {one.path} was taken")

    async def signal(self) -> None:
        try:
            await self.enter(Signal(self.now, self.pick.choice(SIGNALS), {"n": 1}))
        except TooManySignals:
            return

    async def person(self) -> None:
        if self.state.paused is not None:
            await self.enter(Resume(self.now))
        elif self.pick.random() < 0.15:
            await self.enter(Cancel(self.now, "enough", self.pick.random() < 0.5))
        else:
            await self.enter(Pause(self.now, "a person wants it"))

    async def crash(self) -> None:
        """The process is gone, or could not store a turn, perhaps several times; time goes by until it is back."""
        for _ in range(self.pick.choice((1, 1, 1, 4))):
            if self.state.ended is None:
                self.now += self.pick.choice((0, 1, 100))
                await self.recover()

    async def recover(self) -> None:
        running = [one.path for one in self.state.open.values() if one.status is StepStatus.RUNNING]
        loss = self.pick.choice((Loss.DIED, Loss.DIED, Loss.DIED, Loss.STOPPED, Loss.REFOLDED))
        lost = tuple(path for path in running if loss is not Loss.REFOLDED or self.pick.random() < 0.5)
        await self.enter(Recover(self.now, lost, loss))

    # --- and how it ends

    async def come_to_an_end(self) -> None:
        """From now on everybody behaves: then every execution must end, whatever happened before."""
        for _ in range(MOST_TURNS):
            if self.state.ended is not None:
                return
            await self.enter(self.kindly())
        raise AssertionError("it does not end although every step answers")

    def kindly(self) -> Input:
        if self.state.paused is not None:
            return Resume(self.now)
        if commands := outstanding(self.execution):
            return Succeeded(self.now, commands[0].path, commands[0].delivery, Completed({"ok": True}), 1.0)
        for one in self.state.open.values():
            if one.wait is not None and one.wait.reason is not None:
                return Resolve(self.now, one.path, completed=True, output={"ok": False})
            if one.wait is not None and one.wait.signal is not None:
                return Signal(self.now, one.wait.signal)
        due = self.state.next_due_at
        assert due is not None, "a lost wake-up: nothing runs, nothing is due, and it has not ended"
        self.now = max(self.now, due)
        return Tick(self.now)

    async def check_that_nothing_changes_any_more(self) -> None:
        self.ledger.check_the_end(self.execution)
        await self.enter(Tick(self.now + 1e6))
        row = await self.journal.execution("default", "e1")
        assert row is not None
        assert row.summary.status is self.state.ended


class Ledger:
    """What an outsider knows who only reads the events."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.held_out: dict[str, int] = {}
        self.waiting_for_resume: set[str] = set()
        self.fences: dict[str, int] = {}
        self.ended: dict[str, str] = {}
        self.open: set[str] = set()
        self.begun = False
        self.paused = False
        self.over: str | None = None
        self.starts: Counter[str] = Counter()

    def enter(self, event: Event) -> None:
        assert self.over is None, f"{event.kind} after {self.over}"
        assert self.begun is not isinstance(event, ExecutionStarted), "it starts once, and before all else"
        self.begun = True
        if isinstance(event, TERMINAL_EVENTS):
            self.over = event.kind
        elif isinstance(event, ExecutionPaused):
            self.paused = True
        elif isinstance(event, ExecutionResumed):
            self.paused = False
        path: str | None = getattr(event, "path", None)
        if path is not None:
            self._enter_step(event, path)

    def _enter_step(self, event: Event, path: str) -> None:
        assert path not in self.ended, f"{event.kind} of {path} after {self.ended.get(path)}"
        if isinstance(event, _HAND_OVERS):
            is_late = isinstance(event, StepRescheduled) and event.reason == REPORTED_LATE  # by whoever had it
            assert event.delivery >= self.fences.get(path, 0) + (not is_late), f"the fence of {path} did not grow"
            self.fences[path] = self.held_out[path] = event.delivery
            self.open.add(path)
            if isinstance(event, StepRescheduled) and (event.reason == "quarantined" or self.paused):
                del self.held_out[path]
        if isinstance(event, StepScheduled):
            self._check_start(event, path)
        if isinstance(event, _ANSWERS):
            self.held_out.pop(path, None)
        if isinstance(event, StepRetrying):
            self.open.add(path)
        if isinstance(event, _ENDS):
            self.ended[path] = event.kind
            self.open.discard(path)

    def _check_start(self, event: StepScheduled, path: str) -> None:
        planned = self.plan.steps[path]
        self.starts[path] += 1
        assert not self.paused, f"{path} began while paused"
        assert event.attempt <= planned.retry.max_retries + 1
        assert all(other in self.ended for other in planned.waits_for), f"{path} did not wait"
        if planned.type.effect is Effect.AT_MOST_ONCE:
            assert self.starts[path] == 1, f"{path} was started twice"

    def check(self, execution: Execution) -> None:
        assert {command.path: command.delivery for command in outstanding(execution)} == self.held_out
        assert set(execution.state.open) == self.open
        forward = sum(self.plan.steps[path].role is not Role.COMPENSATION for path in self.open)
        assert self.plan.width == 0 or forward <= self.plan.width
        assert len(self.open) - forward <= 1, "compensations run one at a time"
        tally = Counter(self.ended.values())
        summary = summarize(execution)
        assert summary.completed_steps == tally["step_completed"]
        assert summary.failed_steps == tally["step_failed"]
        assert summary.skipped_steps == tally["step_skipped"]
        assert summary.pending_steps == summary.total_steps - len(self.ended)
        assert summary.total_steps == len(self.plan.steps)

    def check_the_end(self, execution: Execution) -> None:
        assert self.over is not None
        assert set(self.ended) == set(self.plan.steps), "every step has ended"
        if self.over == "execution_completed":
            failed = [path for path, kind in self.ended.items() if kind == "step_failed"]
            handled = [path for path in failed if execution.state.steps[path].handled_by is not None]
            assert all(path in handled or not self.plan.steps[path].critical for path in failed)
            assert "step_cancelled" not in self.ended.values()
