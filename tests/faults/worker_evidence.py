"""What is known after a fault test of workers, and every promise that was broken: a pure function of the evidence.

Three witnesses are compared: what each worker wrote down of itself, what the server answered to clients, and the
histories that are left in the database.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.faults import evidence as histories
from tests.faults.evidence import Found, Order
from tests.faults.worker_notes import Note, What

Event = Mapping[str, Any]
HANDED_OVER: Final = frozenset({"step_scheduled", "step_rescheduled", "step_resumed", "timer_fired"})
ORDERLY: Final = frozenset({"OK", "LEASE_SUPERSEDED", "RESULT_CONFLICT", "UNAVAILABLE"})
"""What a worker that makes no mistakes may be answered to a result."""
REFUSED: Final = frozenset({"LEASE_SUPERSEDED", "RESULT_CONFLICT"})
LOST: Final = "worker-lost"
LATE: Final = "reported-late"
"""Not a hand-over: whoever had the step is heard after all."""
ONCE: Final = "fault.once"
NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True)
class Evidence:
    """`values`: what each execution must yield, by its number, `stored`: each history as it lies in the database.

    `notes` of all workers, in the order of time; `lease_seconds`: how long a lease ran without being renewed.
    """

    orders: Sequence[Order]
    listed: Sequence[str]
    results: Mapping[str, Event]
    stored: Mapping[str, Sequence[Event]]
    notes: Sequence[Note]
    value_of: Callable[[int], object]
    lease_seconds: float

    def of(self, *what: What) -> Iterator[Note]:
        return (note for note in self.notes if note.what in what)


def violations(evidence: Evidence) -> list[str]:
    """Every promise that was broken, as a sentence; none when all were kept."""
    return [line for check in _CHECKS for line in check(evidence)]


# --- what clients were promised


def _histories_are_right(evidence: Evidence) -> Iterator[str]:
    """Accepted once, there once, ended once, without a gap; the fence grows with every hand-over."""
    found = {
        each: Found(evidence.results[each], [_numbered(*one) for one in enumerate(events, 1)], _deliveries(events))
        for each, events in evidence.stored.items()
    }
    known = histories.Evidence(evidence.orders, evidence.listed, found, ())
    for check in histories.CHECKS_OF_HISTORIES:
        yield from check(known)


def _ends_right(evidence: Evidence) -> Iterator[str]:
    for order in evidence.orders:
        for execution_id in set(order.answers) & evidence.results.keys():
            results = evidence.results[execution_id]
            if (results["status"], results["output"]) != ("completed", evidence.value_of(order.number)):
                yield f"execution {execution_id} ended {results['status']} with {results['output']}: {results['error']}"


# --- hand-overs


def _handed_to_one(evidence: Evidence) -> Iterator[str]:
    """No hand-over is made twice, to two workers or to one."""
    holders: dict[tuple[str, str, int], list[str]] = defaultdict(list)
    for note in evidence.of(What.ASSIGNED):
        holders[note.lease].append(note.worker)
    yield from (f"{lease} was given to {given}" for lease, given in holders.items() if len(given) > 1)


def _handed_over_as_stored(evidence: Evidence) -> Iterator[str]:
    """Nobody gets a step under a fence that was not stored, or as another attempt than is stored with it."""
    stored = {
        (execution_id, event["path"], event["delivery"]): attempt
        for execution_id, events in evidence.stored.items()
        for event, attempt in _with_attempts(events)
    }
    for note in evidence.of(What.ASSIGNED):
        if stored.get(note.lease) != note.attempt:
            yield f"{note.lease} was given away as attempt {note.attempt}, and stored as {stored.get(note.lease)}"


def _fences_grow_for_each_worker(evidence: Evidence) -> Iterator[str]:
    latest: dict[tuple[str, tuple[str, str]], int] = {}
    for note in evidence.of(What.ASSIGNED):
        before = latest.get((note.worker, note.step), 0)
        if note.delivery < before:
            yield f"{note.worker} got {note.lease} after delivery {before}"
        latest[note.worker, note.step] = note.delivery


def _attempts_grow_by_failures(evidence: Evidence) -> Iterator[str]:
    """The next attempt begins because a worker reported that the one before failed, and for nothing else."""
    failures = {note.mark for note in evidence.of(What.SENT) if note.failure}
    for execution_id, events in evidence.stored.items():
        attempts: dict[str, int] = {}
        failed: Counter[str] = Counter()
        for event in events:
            if event["kind"] == "step_retrying":
                failed[event["path"]] += 1
                if event["error"]["message"] not in failures:
                    yield f"execution {execution_id}: {event['path']} is tried again, and no worker failed: {event}"
            if event["kind"] == "step_scheduled":
                path, attempt = event["path"], event["attempt"]
                if attempt != failed[path] + 1 or attempt <= attempts.get(path, 0):
                    yield f"execution {execution_id}: {path} begins attempt {attempt} after {failed[path]} failures"
                attempts[path] = attempt


def _keys_are_stable(evidence: Evidence) -> Iterator[str]:
    for note in evidence.of(What.ASSIGNED):
        if note.key != f"wfk_{note.execution}_{note.path}":
            yield f"{note.lease} was given away under the key {note.key}"


def _tokens_differ(evidence: Evidence) -> Iterator[str]:
    leases: dict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for note in evidence.of(What.ASSIGNED):
        leases[note.token].add(note.lease)
    yield from (f"one token proves {sorted(of)}" for of in leases.values() if len(of) > 1)


def _credits_are_kept(evidence: Evidence) -> Iterator[str]:
    """At no moment has a worker more unfinished steps than it asked for."""
    slots: dict[str, int] = {}
    unfinished: dict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for note in evidence.notes:
        mine = unfinished[note.worker]
        match note.what:
            case What.BORN:
                slots[note.worker] = note.slots
                mine.clear()
            case What.ASSIGNED:
                mine.add(note.lease)
                if len(mine) > slots.get(note.worker, 0):
                    yield f"{note.worker} has {len(mine)} steps and asked for {slots.get(note.worker, 0)}"
            case What.SENT | What.CANCELLED | What.DROPPED:
                mine.discard(note.lease)


def _once_is_once(evidence: Evidence) -> Iterator[str]:
    once = {note.step for note in evidence.of(What.ASSIGNED) if note.step_type.partition("@")[0] == ONCE}
    started = Counter(note.step for note in evidence.of(What.STARTED))
    yield from (f"{step} may run once and was started {started[step]} times" for step in once if started[step] > 1)


# --- leases


def _leases_hold(evidence: Evidence) -> Iterator[str]:
    """Who renewed in time is not robbed: the next worker gets the step a whole lease after the last renewal, or later.

    A worker that was born again has forgotten, and one that dropped a lease does not want it.
    """
    spoken = _last_words(evidence)
    reasons = _reasons(evidence)
    for note in evidence.of(What.ASSIGNED):
        if reasons.get(note.lease) != LOST:
            continue
        before = (*note.step, note.delivery - 1)
        word = spoken.get(before)
        if word is not None and note.at < word.since + evidence.lease_seconds and not _left(evidence, word, note.at):
            early = word.since + evidence.lease_seconds - note.at
            yield f"{note.lease} was given to {note.worker} {early:.3f} s before the lease of {word.worker} ran out"


def _keeps_are_kept(evidence: Evidence) -> Iterator[str]:
    """Who comes back within its lease keeps its step, unless it reported already, or it was taken for a reason."""
    reported: set[tuple[str, str, int]] = set()
    spoken: dict[tuple[str, str, int], float] = {}
    reasons = _reasons(evidence)
    for note in evidence.notes:
        if note.what is What.SENT:
            reported.add(note.lease)
        if note.what is What.VERDICT and note.code == "ABORT" and note.lease not in reported:
            after = reasons.get((*note.step, note.delivery + 1), LOST)
            if after == LOST and note.at < spoken.get(note.lease, NEVER) + evidence.lease_seconds:
                yield f"{note.worker} came back within its lease and lost {note.lease}"
        if _is_word(note):
            spoken[note.lease] = max(note.since, spoken.get(note.lease, note.since))


def _is_word(note: Note) -> bool:
    return (note.what is What.RENEWED and note.code == "OK") or (note.what is What.VERDICT and note.code == "KEEP")


def _last_words(evidence: Evidence) -> Mapping[tuple[str, str, int], Note]:
    words: dict[tuple[str, str, int], Note] = {}
    for note in evidence.notes:
        if _is_word(note) and (note.lease not in words or note.since > words[note.lease].since):
            words[note.lease] = note
    return words


def _left(evidence: Evidence, word: Note, at: float) -> bool:
    """Whether the holder was born anew, or gave the lease up, after its last word and before the instant."""
    return any(
        note.worker == word.worker
        and word.since <= note.at <= at
        and (note.what is What.BORN or (note.what is What.DROPPED and note.lease == word.lease))
        for note in evidence.notes
    )


def _reasons(evidence: Evidence) -> Mapping[tuple[str, str, int], str]:
    """Why each hand-over was made that is not the first of its attempt."""
    return {
        (execution_id, event["path"], event["delivery"]): event["reason"]
        for execution_id, events in evidence.stored.items()
        for event in events
        if event["kind"] == "step_rescheduled"
    }


# --- results


def _committed_came_from_the_holder(evidence: Evidence) -> Iterator[str]:
    """Whatever is stored as a result was sent by a worker, for this step, under the fence that was the latest."""
    sent = {note.mark: note for note in evidence.of(What.SENT)}
    for execution_id, events in evidence.stored.items():
        latest: dict[str, int] = {}
        for event in events:
            if _is_hand_over(event):
                latest[event["path"]] = event["delivery"]
            mark = _mark(event)
            if mark is None:
                continue
            note = sent.get(mark)
            path = event["path"]
            if note is None or note.step != (execution_id, path):
                yield f"execution {execution_id}: {path} holds {mark}, which no worker sent for it"
            elif note.delivery != latest[path]:
                yield f"execution {execution_id}: {path} holds {mark} though delivery {latest[path]} was the latest"


def _acked_is_stored(evidence: Evidence) -> Iterator[str]:
    stored = _stored_marks(evidence)
    for note in evidence.of(What.ACKED):
        if note.code == "OK" and note.mark not in stored:
            yield f"{note.mark} of {note.worker} was answered OK and is not in the history"
        if note.code not in ORDERLY:
            yield f"{note.mark} of {note.worker} was answered {note.code}"


def _refused_is_not_stored(evidence: Evidence) -> Iterator[str]:
    """A failure that led to the next attempt and is sent again is late, and told so; of a success nothing is late."""
    stored = _stored_marks(evidence)
    sent = Counter(note.mark for note in evidence.of(What.SENT))
    failures = {note.mark for note in evidence.of(What.SENT) if note.failure}
    for note in evidence.of(What.ACKED):
        if note.code in REFUSED and note.mark in stored and not (note.mark in failures and sent[note.mark] > 1):
            yield f"{note.mark} of {note.worker} was answered {note.code} and is in the history"


def _acked_is_over(evidence: Evidence) -> Iterator[str]:
    """Nobody is given what is done."""
    failures = {note.mark for note in evidence.of(What.SENT) if note.failure}
    done: dict[tuple[str, str], Note] = {}
    for note in evidence.notes:
        if note.what is What.ACKED and note.code == "OK" and note.mark not in failures:
            done[note.step] = note
        result = done.get(note.step)
        # An older hand-over may still be on its way when the network comes back.
        if note.what is What.STARTED and result is not None and note.delivery > result.delivery:
            yield f"{note.lease} was given to {note.worker} after {result.mark} was answered OK"


def _dependants_saw_what_counts(evidence: Evidence) -> Iterator[str]:
    """What a later step worked with is what is stored; so the sum is that of the results that are there."""
    for execution_id, events in evidence.stored.items():
        completed = [event for event in events if event["kind"] == "step_completed"]
        values = {event["path"]: event["output"].get("value") for event in completed}
        counting = [values.get(path, 0) for path in ("left", "right", "once")]
        if "join" in values and values["join"] != sum(counting):
            yield f"execution {execution_id}: join saw other results than those that count: {values}"


def _chunks_are_whole(evidence: Evidence) -> Iterator[str]:
    """The chunks of the result that counts are all there, each once, and none of anybody else. Of a step that nobody
    knew anything about any more they end where it was given up.
    """
    said = {note.mark: note.chunks for note in evidence.of(What.SENT)}
    for execution_id, events in evidence.stored.items():
        heard: dict[str, list[tuple[int, str]]] = defaultdict(list)
        late = {event["path"] for event in events if event.get("reason") == LATE}
        for event in events:
            if event["kind"] in {"attempt_reset", "step_scheduled"}:
                heard[event["path"]].clear()
            elif event["kind"] == "step_chunk":
                heard[event["path"]] += [(event["first"] + n, one["data"]) for n, one in enumerate(event["chunks"])]
            mark = _mark(event) if event["kind"] == "step_completed" else None
            if mark is None:
                continue
            wanted = [(number, f"{mark.rstrip('+')}:{number}") for number in range(said.get(mark, 0))]
            path = event["path"]
            if heard[path] != (wanted[: len(heard[path])] if path in late else wanted):
                yield f"execution {execution_id}: of {mark} the chunks are {heard[path]}"


def _drained_left_nothing(evidence: Evidence) -> Iterator[str]:
    """A worker that was told that it may go has an answer to whatever it had."""
    open_: dict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for note in evidence.notes:
        match note.what:
            case What.BORN:
                open_[note.worker].clear()
            case What.ASSIGNED:
                open_[note.worker].add(note.lease)
            case What.SENT | What.DROPPED:
                open_[note.worker].discard(note.lease)
            case What.DRAINED if open_[note.worker]:
                yield f"{note.worker} was told that it is drained and had {sorted(open_[note.worker])}"


# --- reading histories


def _numbered(seq: int, event: Event) -> Event:
    """The database numbers them, and refuses gaps; a history that is read lacks the numbers only."""
    return {"seq": event.get("seq", seq), **event}


def _deliveries(events: Sequence[Event]) -> list[tuple[str, int]]:
    return [(event["path"], event["delivery"]) for event in events if _is_hand_over(event)]


def _with_attempts(events: Sequence[Event]) -> Iterator[tuple[Event, int]]:
    attempts: dict[str, int] = {}
    for event in events:
        if event["kind"] == "step_scheduled":
            attempts[event["path"]] = event["attempt"]
        if _is_hand_over(event):
            yield event, attempts[event["path"]]


def _is_hand_over(event: Event) -> bool:
    return event["kind"] in HANDED_OVER and event.get("reason") != LATE


def _stored_marks(evidence: Evidence) -> frozenset[str]:
    marks = (_mark(event) for events in evidence.stored.values() for event in events)
    return frozenset(mark for mark in marks if mark is not None)


def _mark(event: Event) -> str | None:
    """Who sent the result that this event stores; None for what no worker did."""
    match event["kind"]:
        case "step_completed" if isinstance(event["output"], Mapping) and event["output"].get("by") != "a person":
            return event["output"].get("by")
        case "step_retrying" | "step_failed":
            mark: str = event["error"]["message"]
            return mark
        case _:
            return None


_CHECKS: Final[tuple[Callable[[Evidence], Iterator[str]], ...]] = (
    _histories_are_right,
    _ends_right,
    _handed_to_one,
    _handed_over_as_stored,
    _fences_grow_for_each_worker,
    _attempts_grow_by_failures,
    _keys_are_stable,
    _tokens_differ,
    _credits_are_kept,
    _once_is_once,
    _leases_hold,
    _keeps_are_kept,
    _committed_came_from_the_holder,
    _acked_is_stored,
    _refused_is_not_stored,
    _acked_is_over,
    _dependants_saw_what_counts,
    _chunks_are_whole,
    _drained_left_nothing,
)
