"""Step types and workers over gRPC: parse, call a verb, return."""

from collections.abc import Iterable

from workflow_engine.engine.caller import Caller
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import JsonLimits
from workflow_engine.rpc import registry_values as values
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.calls import Context, caller_of
from workflow_engine.rpc.generated import registry_pb2 as pb
from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceServicer
from workflow_engine.steps.catalogue import CatalogueEntry


class RegistryServicer(RegistryServiceServicer):
    def __init__(self, backing: Backing) -> None:
        self._face = backing.face
        limits = backing.settings.limits
        self._limits = JsonLimits(limits.max_nesting, limits.max_keys)

    def _caller(self, context: Context) -> Caller:
        return caller_of(context, self._face)

    def _details(self, caller: Caller, entries: Iterable[CatalogueEntry]) -> list[pb.StepDetails]:
        return [values.step_details(entry, self._face.workers.standing(caller, entry.type)) for entry in entries]

    async def RegisterSteps(self, request: pb.RegisterStepsRequest, context: Context) -> pb.RegisterStepsResponse:
        caller = self._caller(context)
        bodies = values.register_bodies(request.steps, self._limits)
        try:
            done = await self._face.steps.register_all(caller, bodies, dry_run=request.dry_run)
        except InvalidDocument as invalid:
            raise InvalidDocument([values.in_message(each) for each in invalid.problems()]) from None
        return pb.RegisterStepsResponse(
            steps=map(values.registered, done.steps),
            breaks=map(values.breakage, done.breaks),
            breaks_truncated=done.truncated,
        )

    async def ListSteps(self, request: pb.ListStepsRequest, context: Context) -> pb.ListStepsResponse:
        caller = self._caller(context)
        return pb.ListStepsResponse(steps=self._details(caller, self._face.steps.list(caller)))

    async def GetStep(self, request: pb.GetStepRequest, context: Context) -> pb.GetStepResponse:
        caller = self._caller(context)
        entry = self._face.steps.get(caller, request.name, request.version or None)
        return pb.GetStepResponse(step=self._details(caller, [entry])[0])

    async def ListStepVersions(
        self, request: pb.ListStepVersionsRequest, context: Context
    ) -> pb.ListStepVersionsResponse:
        caller = self._caller(context)
        return pb.ListStepVersionsResponse(steps=self._details(caller, self._face.steps.versions(caller, request.name)))

    async def Deregister(self, request: pb.DeregisterRequest, context: Context) -> pb.DeregisterResponse:
        await self._face.steps.delete(self._caller(context), request.name, request.version or None)
        return pb.DeregisterResponse()

    async def ResetStep(self, request: pb.ResetStepRequest, context: Context) -> pb.ResetStepResponse:
        return pb.ResetStepResponse(reset=self._face.workers.reset(self._caller(context), request.name))

    async def ListWorkers(self, request: pb.ListWorkersRequest, context: Context) -> pb.ListWorkersResponse:
        workers = self._face.workers.list(self._caller(context))
        return pb.ListWorkersResponse(workers=map(values.worker_details, workers))
