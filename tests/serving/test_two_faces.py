"""One process, one engine, two faces: what is done by REST is seen by gRPC, and both end together."""

import asyncio
import json
from pathlib import Path

import grpc
from grpc import aio

from tests.rest.documents import patient
from tests.rpc.serving import refused, workflows
from tests.serving.process import Serve
from workflow_engine.rpc.generated import workflow_pb2 as pb

EXITS_WITHIN = 10.0


async def test_an_execution_started_by_rest_is_watched_and_finished_by_grpc(serve: Serve, tmp_path: Path) -> None:
    server = serve(f"sqlite:///{tmp_path}/flows.db").start()
    started = server.client.post("/workflows/execute", patient()).body
    async with aio.insecure_channel(server.grpc_address) as channel:
        flows = workflows(channel)
        await flows.Signal(pb.SignalRequest(execution_id=started["execution_id"], name="go", payload=b"1"))
        watched = flows.Watch(pb.WatchRequest(execution_id=started["execution_id"]))
        kinds = [event.kind async for answered in watched for event in answered.events]
    assert kinds[-1] == "execution_completed"
    assert server.client.get(f"/executions/{started['execution_id']}").body["status"] == "completed"


async def test_a_stop_ends_a_watch_at_once_and_the_process_with_it(serve: Serve, tmp_path: Path) -> None:
    server = serve(f"sqlite:///{tmp_path}/flows.db", shutdown_grace_seconds=60).start()
    async with aio.insecure_channel(server.grpc_address) as channel:
        flows = workflows(channel)
        started = await flows.Execute(pb.ExecuteRequest(body=json.dumps(patient()).encode()))
        watched = flows.Watch(pb.WatchRequest(execution_id=started.execution_id))
        await watched.read()
        ended = asyncio.create_task(refused(watched))
        assert await asyncio.to_thread(server.terminate, EXITS_WITHIN) == 0
        told = await ended
    assert (told.code, told.reason) == (grpc.StatusCode.UNAVAILABLE, "SHUTTING_DOWN")
    assert "Traceback" not in server.log


async def test_after_a_crash_a_watch_goes_on_behind_what_was_seen(serve: Serve, tmp_path: Path) -> None:
    server = serve(f"sqlite:///{tmp_path}/flows.db").start()
    async with aio.insecure_channel(server.grpc_address) as channel:
        flows = workflows(channel)
        started = await flows.Execute(pb.ExecuteRequest(body=json.dumps(patient()).encode()))
        watched = flows.Watch(pb.WatchRequest(execution_id=started.execution_id))
        first = await watched.read()
        assert isinstance(first, pb.WatchResponse)
        seen = [event.seq for event in first.events]
        server.kill()
        assert (await refused(watched)).code is grpc.StatusCode.UNAVAILABLE
        await asyncio.to_thread(server.start)
        await flows.Signal(pb.SignalRequest(execution_id=started.execution_id, name="go"), wait_for_ready=True)
        rest = flows.Watch(pb.WatchRequest(execution_id=started.execution_id, after=seen[-1]))
        seen += [event.seq async for answered in rest for event in answered.events]
    assert seen == list(range(1, len(seen) + 1))
