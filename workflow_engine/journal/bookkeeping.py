"""Agents and usage in a database: what is read and written of them, but for the usage that a commit brings along."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    null,
    select,
)

from workflow_engine.journal import tables
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.queries import as_object
from workflow_engine.journal.saving import saved_agent
from workflow_engine.journal.usage import KEYS, SAME, UsageFilter, UsageGroup, UsageTotals
from workflow_engine.jsontext import JsonObject, write

_AGENT, _USAGE = tables.AGENT.c, tables.USAGE.c

# --- agents

_AGENTS: Final = select(tables.AGENT).order_by(_AGENT.namespace, _AGENT.agent_id)
_AGENTS_OF_ONE: Final = _AGENTS.where(_AGENT.namespace == bindparam("namespace"))
_ONE_AGENT: Final = _AGENTS_OF_ONE.where(_AGENT.agent_id == bindparam("agent_id"))


def agents(connection: Connection, namespace: str | None) -> Sequence[AgentRow]:
    if namespace is None:
        found = connection.execute(_AGENTS)
    else:
        found = connection.execute(_AGENTS_OF_ONE, {"namespace": namespace})
    return [_agent_row(row) for row in found]


def agent(connection: Connection, namespace: str, agent_id: str) -> AgentRow | None:
    row = connection.execute(_ONE_AGENT, {"namespace": namespace, "agent_id": agent_id}).one_or_none()
    return None if row is None else _agent_row(row)


def _agent_row(row: Row[*tuple[Any, ...]]) -> AgentRow:
    return AgentRow(**{**row._mapping, "document": as_object(row.document)})


def save_agent(
    connection: Connection,
    namespace: str,
    agent_id: str,
    document: JsonObject,
    owner: str,
    now: float,
    create: bool | None,
) -> AgentRow:
    before = agent(connection, namespace, agent_id)
    row = saved_agent(before, AgentRow(namespace, agent_id, 1, document, owner, now, now), create)
    if row is not before:
        delete_agent(connection, namespace, agent_id)
        values = {field.name: getattr(row, field.name) for field in fields(row)}
        connection.execute(insert(tables.AGENT).values({**values, "document": write(document).decode()}))
    return row


def delete_agent(connection: Connection, namespace: str, agent_id: str) -> bool:
    this = and_(_AGENT.namespace == namespace, _AGENT.agent_id == agent_id)
    return connection.execute(delete(tables.AGENT).where(this)).rowcount > 0


# --- usage

_COST: Final = func.coalesce(func.sum(_USAGE.cost_usd), 0.0)
_CALLS: Final = func.count()
_SUMS: Final = (
    _CALLS.label("calls"),
    func.coalesce(func.sum(_USAGE.input_tokens), 0).label("input_tokens"),
    func.coalesce(func.sum(_USAGE.output_tokens), 0).label("output_tokens"),
    _COST.label("cost_usd"),
    func.coalesce(func.sum(case((_USAGE.cost_usd.is_(None), 1), else_=0)), 0).label("unknown_cost_calls"),
    func.coalesce(func.sum(case((_USAGE.simulated, 1), else_=0)), 0).label("simulated_calls"),
)


def usage(connection: Connection, wanted: UsageFilter) -> Sequence[UsageTotals]:
    return [_totals(row) for row in connection.execute(_report(wanted))]


def _report(wanted: UsageFilter) -> Select[Any]:
    if wanted.group_by is UsageGroup.NONE:
        statement: Select[Any] = select(null().label("key"), *_SUMS).select_from(tables.USAGE)
    else:
        key = _USAGE[KEYS[wanted.group_by]]
        order = (_COST.desc(), _CALLS.desc(), func.coalesce(key, literal("")))
        statement = select(key.label("key"), *_SUMS).group_by(key).order_by(*order)
    for name in SAME:
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(_USAGE[name] == value)
    if wanted.since is not None:
        statement = statement.where(_USAGE.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(_USAGE.at < wanted.until)
    return statement.limit(wanted.limit).offset(wanted.offset)


def _totals(row: Row[*tuple[Any, ...]]) -> UsageTotals:
    # PostgreSQL sums whole numbers up to decimals.
    return UsageTotals(
        key=row.key,
        calls=int(row.calls),
        input_tokens=int(row.input_tokens),
        output_tokens=int(row.output_tokens),
        cost_usd=float(row.cost_usd),
        unknown_cost_calls=int(row.unknown_cost_calls),
        simulated_calls=int(row.simulated_calls),
    )


def prune_usage(connection: Connection, before: float, limit: int) -> int:
    old = select(_USAGE.position).where(_USAGE.at < before).order_by(_USAGE.at, _USAGE.position).limit(limit)
    return connection.execute(delete(tables.USAGE).where(_USAGE.position.in_(old))).rowcount
