"""What calls of models took, as rows that are written together with their results."""

from collections.abc import Iterable
from typing import cast

from workflow_engine.execution.execution import Execution
from workflow_engine.history.agents import Used, owner_of
from workflow_engine.history.events import Event, StepCompleted
from workflow_engine.journal.contract import ExecutionRecord
from workflow_engine.journal.usage import UsageRow
from workflow_engine.jsontext import JsonObject


def usage_of(execution: Execution, record: ExecutionRecord, events: Iterable[Event]) -> tuple[UsageRow, ...]:
    """A row for each call of a model that was answered by these events."""
    if not execution.talks:
        return ()
    rows = (_row(execution, record, event) for event in events if isinstance(event, StepCompleted))
    return tuple(row for row in rows if row is not None)


def _row(execution: Execution, record: ExecutionRecord, event: StepCompleted) -> UsageRow | None:
    owner, used = owner_of(event.path), Used.of(event.path, event.output)
    agent = None if owner is None else execution.state.steps[owner].agent
    if owner is None or agent is None or used is None:
        return None
    output = cast(JsonObject, event.output)
    return UsageRow(
        namespace=record.namespace,
        execution_id=execution.id,
        path=event.path,
        step_id=event.path[: event.path.index("#")],
        turn=agent.turn,
        agent=execution.talks[owner].name,
        model=_text(output, "model"),
        provider=_text(output, "provider"),
        principal=record.principal,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
        at=event.at,
        cost_usd=used.known_cost,
        simulated=event.simulated,
        agent_id=cast(str | None, agent.conversation.get("agent_id")),
        user_id=record.user_id,
        workflow_id=record.workflow_id,
    )


def _text(output: JsonObject, key: str) -> str:
    value = output.get(key)
    return value if isinstance(value, str) else ""
