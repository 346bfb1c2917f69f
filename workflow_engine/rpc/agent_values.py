"""Agents, their usage and the providers of models as messages."""

from typing import Final

from workflow_engine.clock import iso
from workflow_engine.engine.providers import AgentWorkerView, ProviderView
from workflow_engine.engine.usage import UsageReport
from workflow_engine.journal.agents import AgentRow
from workflow_engine.journal.usage import UsageFilter, UsageGroup, UsageTotals
from workflow_engine.jsontext import write
from workflow_engine.rpc.calls import InvalidField, instant, page_of, wanted, whole
from workflow_engine.rpc.generated import agent_pb2
from workflow_engine.settings import Limits

GROUPS: Final = {
    agent_pb2.USAGE_GROUP_UNSPECIFIED: UsageGroup.NONE,
    agent_pb2.USAGE_GROUP_EXECUTION: UsageGroup.EXECUTION,
    agent_pb2.USAGE_GROUP_STEP: UsageGroup.STEP,
    agent_pb2.USAGE_GROUP_AGENT: UsageGroup.AGENT,
    agent_pb2.USAGE_GROUP_USER: UsageGroup.USER,
    agent_pb2.USAGE_GROUP_PRINCIPAL: UsageGroup.PRINCIPAL,
    agent_pb2.USAGE_GROUP_MODEL: UsageGroup.MODEL,
    agent_pb2.USAGE_GROUP_WORKFLOW: UsageGroup.WORKFLOW,
    agent_pb2.USAGE_GROUP_NAMESPACE: UsageGroup.NAMESPACE,
}


def saved_agent(row: AgentRow) -> agent_pb2.SavedAgent:
    return agent_pb2.SavedAgent(
        agent_id=row.agent_id,
        version_number=row.version_number,
        document=write(row.document),
        owner=row.owner,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def filter_of(request: agent_pb2.GetUsageRequest, limits: Limits) -> UsageFilter:
    group = GROUPS.get(request.group_by)
    if group is None:  # an enum of a newer client
        raise InvalidField("group_by", f"one of {', '.join(UsageGroup)}")
    return UsageFilter(
        group_by=group,
        since=instant("since", request.since) if request.HasField("since") else None,
        until=instant("until", request.until) if request.HasField("until") else None,
        execution_id=wanted("execution_id", request.execution_id),
        workflow_id=wanted("workflow_id", request.workflow_id),
        step_id=wanted("step_id", request.step_id),
        agent=wanted("agent", request.agent),
        user_id=wanted("user_id", request.user_id),
        principal=wanted("principal", request.principal),
        model=wanted("model", request.model),
        limit=page_of(request.limit, limits),
        offset=whole("offset", request.offset),
    )


def usage(report: UsageReport) -> agent_pb2.GetUsageResponse:
    lines = [agent_pb2.UsageLine(key=line.key or "", sums=_sums(line)) for line in report.lines]
    return agent_pb2.GetUsageResponse(lines=lines, total=_sums(report.total))


def _sums(line: UsageTotals) -> agent_pb2.UsageSums:
    return agent_pb2.UsageSums(
        calls=line.calls,
        input_tokens=line.input_tokens,
        output_tokens=line.output_tokens,
        cost_usd=line.cost_usd,
        unknown_cost_calls=line.unknown_cost_calls,
        simulated_calls=line.simulated_calls,
    )


def model_provider(view: ProviderView) -> agent_pb2.ModelProvider:
    return agent_pb2.ModelProvider(
        name=view.name,
        configured=view.configured,
        why=view.why,
        variables=view.variables,
        sources=view.sources,
    )


def agent_worker(view: AgentWorkerView) -> agent_pb2.AgentWorker:
    return agent_pb2.AgentWorker(
        status=view.status,
        since="" if view.since is None else iso(view.since),
        restarts=view.restarts,
        connected=view.connected,
    )
