"""Commits to append in tests, and the way to await them."""

import asyncio

from workflow_engine.history.events import (
    Event,
    ExecutionCompleted,
    ExecutionStarted,
    StepCompleted,
    StepScheduled,
)
from workflow_engine.history.statuses import ExecutionStatus
from workflow_engine.identifiers import new_id
from workflow_engine.journal.contract import Acceptance, Commit, ExecutionRecord, Journal, Summary
from workflow_engine.jsontext import Json, JsonObject

NOW = 1_700_000_000.0
DOCUMENT: JsonObject = {"name": "a workflow", "steps": [{"id": "b"}, {"id": "a"}]}


async def append(journal: Journal, commit: Commit) -> None:
    """Append and wait; raises what the journal answers."""
    if (refusal := await answer_to(journal, commit)) is not None:
        raise refusal


def answer_to(journal: Journal, commit: Commit) -> "asyncio.Future[BaseException | None]":
    answer: asyncio.Future[BaseException | None] = asyncio.get_running_loop().create_future()
    journal.append(commit, answer.set_result)
    return answer


def opening(execution_id: str | None = None, *, acceptance: Acceptance | None = None, **record: object) -> Commit:
    """The commit that starts an execution; `record` are fields of `ExecutionRecord`."""
    facts: dict[str, object] = {
        "namespace": "default",
        "execution_id": execution_id or new_id(),
        "workflow_id": None,
        "workflow_name": "a workflow",
        "workflow_version": "1",
        "definition": "d1",
        "started_at": NOW,
        "principal": "local",
        **record,
    }
    opened = ExecutionRecord(**facts)  # type: ignore[arg-type] # the caller names them rightly
    started = ExecutionStarted(at=opened.started_at, input={"z": 1, "a": 2}, definition="d1", pins={}, seed=7)
    summary = Summary(ExecutionStatus.RUNNING, opened.started_at, pending_steps=2, total_steps=2)
    return Commit(opened.namespace, opened.execution_id, 1, (started,), summary, opened, DOCUMENT, acceptance)


def following(
    before: Commit, *events: Event, status: ExecutionStatus | None = None, at: float = NOW, **summary: object
) -> Commit:
    """The commit after another one of the same execution, of one step if no events are given."""
    first_seq = before.first_seq + len(before.events)
    ended_at = at if status is not None and status.is_terminal else None
    summed = None if status is None else Summary(status, at, ended_at, **summary)  # type: ignore[arg-type] # as above
    return Commit(before.namespace, before.execution_id, first_seq, events or a_step(), summed)


def ending(before: Commit, at: float = NOW, status: ExecutionStatus = ExecutionStatus.COMPLETED) -> Commit:
    return following(before, ExecutionCompleted(at=at, output={"done": True}), status=status, at=at)


def a_step(output: Json = None, path: str = "a") -> tuple[Event, ...]:
    """What one step writes: its result, and that the next one begins."""
    return (
        StepCompleted(at=NOW, path=path, attempt=1, output=output, duration_ms=1.5),
        StepScheduled(at=NOW, path="next", attempt=1, delivery=1),
    )


def accepting(key: str, execution_id: str, *, at: float = NOW, keep: float = 86_400.0) -> Acceptance:
    answer: Json = {"execution_id": execution_id, "b": 1, "a": 2}
    return Acceptance("default", "execute", key, "digest", execution_id, answer, at, at + keep)
