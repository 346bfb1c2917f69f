"""Agents, their usage and the providers of models over gRPC: parse, call a verb, return."""

from workflow_engine.engine.caller import Caller
from workflow_engine.rpc import agent_values as values
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.calls import Context, caller_of, page_of, read_json, whole
from workflow_engine.rpc.generated import agent_pb2 as pb
from workflow_engine.rpc.generated.agent_pb2_grpc import AgentServiceServicer


class AgentServicer(AgentServiceServicer):
    def __init__(self, backing: Backing) -> None:
        self._face = backing.face
        self._limits = backing.settings.limits

    def _caller(self, context: Context) -> Caller:
        return caller_of(context, self._face)

    async def SaveAgent(self, request: pb.SaveAgentRequest, context: Context) -> pb.SaveAgentResponse:
        caller = self._caller(context)
        document = await read_json(request.document, self._limits)
        row = await self._face.agents.save(caller, document, request.agent_id or None)
        return pb.SaveAgentResponse(agent_id=row.agent_id, version_number=row.version_number)

    async def GetAgent(self, request: pb.GetAgentRequest, context: Context) -> pb.GetAgentResponse:
        row = self._face.agents.get(self._caller(context), request.agent_id)
        return pb.GetAgentResponse(agent=values.saved_agent(row))

    async def ListAgents(self, request: pb.ListAgentsRequest, context: Context) -> pb.ListAgentsResponse:
        caller = self._caller(context)
        limit, offset = page_of(request.limit, self._limits), whole("offset", request.offset)
        found = self._face.agents.list(caller, limit, offset)
        return pb.ListAgentsResponse(agents=map(values.saved_agent, found.agents), total=found.total)

    async def DeleteAgent(self, request: pb.DeleteAgentRequest, context: Context) -> pb.DeleteAgentResponse:
        await self._face.agents.delete(self._caller(context), request.agent_id)
        return pb.DeleteAgentResponse()

    async def GetUsage(self, request: pb.GetUsageRequest, context: Context) -> pb.GetUsageResponse:
        caller, wanted = self._caller(context), values.filter_of(request, self._limits)
        return values.usage(await self._face.usage.report(caller, wanted))

    async def ListProviders(self, request: pb.ListProvidersRequest, context: Context) -> pb.ListProvidersResponse:
        caller, providers = self._caller(context), self._face.providers
        return pb.ListProvidersResponse(
            providers=map(values.model_provider, providers.list(caller)),
            credentials=providers.credentials(caller),
            worker=values.agent_worker(providers.worker(caller)),
        )
