"""The crank: letters in, one decision, one commit, then and only then the answers and the hand-overs.

Every execution has one mailbox and at most one turn in flight. Letters that arrive during a commit share the next
turn, and the turns of one pass of the loop share the writer's next transaction: load makes batches, nothing waits for
one.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from workflow_engine.clock import Clock
from workflow_engine.dispatch.contract import Dispatcher, Task
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.local import LocalSteps
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.commands import Dispatch, commands_after, outstanding
from workflow_engine.execution.decide import decide
from workflow_engine.execution.errors import StaleDelivery
from workflow_engine.execution.inputs import Failed, Input, Recover, Signal, Tick
from workflow_engine.history.events import Event, StepCancelled, StepError, StepFailed, StepRetrying
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.journal.contract import Acceptance, Commit, Failpoints, Journal, RecordedEvent
from workflow_engine.logs import logger
from workflow_engine.runtime.alarms import Alarms
from workflow_engine.runtime.live import Letter, Live
from workflow_engine.runtime.summaries import is_outdated, summarize
from workflow_engine.runtime.tasks import is_outside, task_for
from workflow_engine.runtime.usage import usage_of
from workflow_engine.runtime.watchers import Watchers
from workflow_engine.steps.contract import StepFailure

LETTERS_A_TURN: Final = 1_000
INLINE_STEPS_A_TURN: Final = 200
"""After so many quick steps a turn commits and lets others have the loop."""

_CALLED_BACK: Final = (StepCancelled, StepFailed, StepRetrying)
_WAKES: Final = (Recover, Signal, Tick)
"""What these set going is on record as running before it runs: were it to kill the server, that must count."""

Refused: TypeAlias = tuple[Letter, WorkflowEngineError]
Observer: TypeAlias = Callable[[Live, Commit], None]
"""Told of every commit after it is durable, on the loop: for metrics and the like. Must be quick and must not raise."""

log = logger(__name__)


class Crank:
    """Turns executions. `lost` is told of an execution whose turn could not be stored, with the letters nobody was told
    about.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        gates: Gates,
        local: LocalSteps,
        dispatcher: Dispatcher,
        alarms: Alarms,
        watchers: Watchers,
        observers: Sequence[Observer],
        failpoints: Failpoints,
        lost: Callable[[Live, Sequence[Letter], BaseException], None],
        at_rest: Callable[[Live], None],
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._gates = gates
        self._local = local
        self._dispatcher = dispatcher
        self._alarms = alarms
        self._watchers = watchers
        self._observers = tuple(observers)
        self._failpoints = failpoints
        self._lost = lost
        self._at_rest = at_rest
        self._queue: list[Live] = []
        self.turns = 0

    def submit(self, live: Live, letter: Letter) -> None:
        """Put a letter into the mailbox; its turn comes in this pass of the loop, or after the commit in flight."""
        live.inbox.append(letter)
        self._enqueue(live)

    def restore(self, live: Live) -> None:
        """An execution came back into memory: what workers may hold of it is taken up again."""
        for command in outstanding(live.execution):
            if is_outside(live.execution, command.path):
                task = self._task(live, command)
                if isinstance(task, Task):
                    self._dispatcher.restore(task)
                else:
                    self.submit(live, Letter(task))

    def _enqueue(self, live: Live) -> None:
        if live.in_turn or live.queued:
            return
        live.queued = True
        if not self._queue:
            asyncio.get_running_loop().call_soon(self._run_queue)
        self._queue.append(live)

    def _run_queue(self) -> None:
        queue, self._queue = self._queue, []
        for live in queue:
            live.queued = False
            self._turn(live)

    def _turn(self, live: Live) -> None:
        letters = _take(live)
        try:
            events, accepted, refused = self._decide(live, letters)
        except Exception as bug:
            log.exception("a turn failed", execution_id=live.id)
            self._lost(live, letters, bug)
            return
        if not events:
            _answer(live, accepted, refused)
            self._rest(live)
            return
        self._commit(live, events, accepted, refused)

    def _decide(self, live: Live, letters: Sequence[Letter]) -> tuple[list[Event], list[Letter], list[Refused]]:
        """The events of all letters together. A letter that is refused leaves nothing; it is told so after the commit,
        because what forbids it may be in there.
        """
        events: list[Event] = []
        accepted: list[Letter] = []
        refused: list[Refused] = []
        for letter in letters:
            before = live.execution.state.version
            try:
                events += () if letter.entering is None else decide(live.execution, letter.entering)
            except WorkflowEngineError as refusal:
                if live.execution.state.version != before:
                    raise  # no refusal, but a mistake of ours
                refused.append((letter, refusal))
            else:
                accepted.append(letter)
        if live.execution.plan.has_inline_steps and not any(isinstance(one.entering, _WAKES) for one in letters):
            self._run_inline(live, events)
        return events, accepted, refused

    def _run_inline(self, live: Live, events: list[Event]) -> None:
        """Run quick pure steps inside the turn: their results share its commit, and nobody sees them before it."""
        fresh: Sequence[Event] = tuple(events)
        budget = INLINE_STEPS_A_TURN
        while budget > 0 and (ready := [c for c in commands_after(live.execution, fresh) if self._is_inline(live, c)]):
            came: list[Event] = []
            for command in ready[:budget]:
                if _still_stands(live, command):
                    came += decide(live.execution, self._inline_report(live, command))
            budget -= len(ready)
            events += came
            fresh = came

    def _is_inline(self, live: Live, command: Dispatch) -> bool:
        return live.execution.plan.has_inline_steps and live.execution.planned(command.path).type.inline

    def _inline_report(self, live: Live, command: Dispatch) -> Input:
        task = self._task(live, command)
        return self._local.run_inline(task) if isinstance(task, Task) else task

    def _task(self, live: Live, command: Dispatch) -> Task | Failed:
        try:
            return task_for(live.execution, live.record, self._gates, live.simulation, command.path)
        except StepFailure as failure:
            error = StepError(failure.error_code, failure.message, failure.details)
            return Failed(self._clock.now(), command.path, command.delivery, error, 0.0, failure.retryable)

    def _commit(self, live: Live, events: list[Event], accepted: Sequence[Letter], refused: Sequence[Refused]) -> None:
        self.turns += 1
        live.in_turn = True
        version = live.execution.state.version
        summary = summarize(live.execution) if is_outdated(live.written, live.execution) else None
        first_seq = version - len(events) + 1
        commit = Commit(
            namespace=live.record.namespace,
            execution_id=live.id,
            first_seq=first_seq,
            events=tuple(events),
            summary=summary,
            opened=live.record if first_seq == 1 else None,
            definition=live.definition if first_seq == 1 else None,
            acceptance=_acceptance(accepted),
            usage=usage_of(live.execution, live.record, events),
        )
        self._journal.append(commit, lambda failure: self._committed(live, commit, accepted, refused, failure))

    def _committed(
        self,
        live: Live,
        commit: Commit,
        accepted: Sequence[Letter],
        refused: Sequence[Refused],
        failure: BaseException | None,
    ) -> None:
        live.in_turn = False
        if failure is not None:
            self._lost(live, [*accepted, *(letter for letter, _ in refused)], failure)
            return
        live.definition = None
        live.written = commit.summary or live.written
        if self._watchers.watched(live.id):
            recorded = tuple(RecordedEvent(commit.first_seq + n, event) for n, event in enumerate(commit.events))
            self._watchers.tell(live.id, recorded)
        for observe in self._observers:
            observe(live, commit)
        self._failpoints.reach("before-answer")
        _answer(live, accepted, refused)
        self._failpoints.reach("after-answer")
        try:
            self._act(live, commit.events)
        except Exception as bug:
            log.exception("a hand-over failed", execution_id=live.id)
            self._lost(live, (), bug)
            return
        self._rest(live)

    def _act(self, live: Live, events: Sequence[Event]) -> None:
        """What follows outside: attempts that are over are called back, and what still stands is handed over."""
        for event in events:
            if isinstance(event, _CALLED_BACK):
                self._dispatcher.abort(live.id, event.path)
        for command in commands_after(live.execution, events):
            self._hand_over(live, command)

    def _hand_over(self, live: Live, command: Dispatch) -> None:
        if self._is_inline(live, command):
            self.submit(live, Letter(self._inline_report(live, command)))
            return
        task = self._task(live, command)
        if isinstance(task, Task):
            self._dispatcher.dispatch(task)
        else:
            self.submit(live, Letter(task))

    def _rest(self, live: Live) -> None:
        """Set the alarm, and see whether anything is left to do."""
        self._alarms.set(live.id, live.execution.state.next_due_at)
        if live.inbox:
            self._enqueue(live)
        elif live.execution.state.status is not ExecutionStatus.RUNNING:
            self._at_rest(live)


def _take(live: Live) -> list[Letter]:
    """The letters of one turn, in order; at most one carries an acceptance, since a commit holds one."""
    letters: list[Letter] = []
    while live.inbox and len(letters) < LETTERS_A_TURN:
        letters.append(live.inbox.popleft())
        if letters[-1].acceptance is not None:
            break
    return letters


def _acceptance(letters: Sequence[Letter]) -> Acceptance | None:
    return next((letter.acceptance for letter in letters if letter.acceptance is not None), None)


def _still_stands(live: Live, command: Dispatch) -> bool:
    step = live.execution.state.steps[command.path]
    return step.is_at_work and step.delivery == command.delivery


def _refuse(live: Live, letter: Letter, refusal: WorkflowEngineError) -> None:
    if letter.then is not None:
        letter.then(refusal)
    elif letter.answer is not None and not letter.answer.done():
        letter.answer.set_exception(refusal)
    elif isinstance(refusal, StaleDelivery):
        log.debug("stale report dropped", execution_id=live.id, reason=str(refusal))


def _answer(live: Live, accepted: Sequence[Letter], refused: Sequence[Refused]) -> None:
    for letter, refusal in refused:
        _refuse(live, letter, refusal)
    for letter in accepted:
        if letter.then is not None:
            letter.then(None)
        elif letter.answer is not None and not letter.answer.done():
            letter.answer.set_result(None if letter.look is None else letter.look(live))
