"""A worker made from the protos alone, as quick as Python lets it be: it answers every step with the same object.

    python benchmarks/raw_worker.py HOST:PORT STEP_TYPE [SESSIONS] [DELAY_MS]

Prints `ready` when it serves. With several sessions it is as many workers in one process; those stay idle.
"""

import asyncio
import sys
from typing import Final

import grpc

from workflow_engine.rpc.generated import registry_pb2, worker_pb2_grpc
from workflow_engine.rpc.generated import worker_pb2 as pb
from workflow_engine.serving import collect_garbage_seldom, run

OUTPUT: Final = pb.Payload(data=b'{"text":"' + b"x" * 180 + b'"}')
SLOTS: Final = 2_000


async def serve(stub: "worker_pb2_grpc.WorkerServiceAsyncStub", worker_id: str, step_type: str, slots: int) -> None:
    call = stub.Session()
    await call.write(pb.SessionRequest(hello=pb.Hello(proto_min=1, proto_max=1, worker_id=worker_id)))
    contract = registry_pb2.StepContract(name=step_type, version="1.0.0", title=step_type)
    await call.write(pb.SessionRequest(register=pb.Register(steps=[contract])))
    await call.write(pb.SessionRequest(credits=pb.Credits(slots={"": slots})))
    await call.write(pb.SessionRequest(ready=pb.Ready()))
    async for frame in call:
        match frame.WhichOneof("frame"):
            case "registered":
                print("ready", flush=True)
            case "assign":
                results = [pb.Result(lease=one.lease, output=OUTPUT) for one in frame.assign.items]
                await call.write(pb.SessionRequest(results=pb.Results(items=results)))
            case "ping":
                await call.write(pb.SessionRequest(pong=pb.Pong(nonce=frame.ping.nonce)))
            case "cancels":
                leases = [one.lease for one in frame.cancels.items]
                await call.write(pb.SessionRequest(cancel_acks=pb.CancelAcks(leases=leases)))


async def main(target: str, step_type: str, sessions: int) -> None:
    async with grpc.aio.insecure_channel(target) as channel:
        stub = worker_pb2_grpc.WorkerServiceStub(channel)
        collect_garbage_seldom()
        try:
            await asyncio.gather(*(serve(stub, f"{step_type}-{n}", step_type, SLOTS) for n in range(sessions)))
        except grpc.aio.AioRpcError as gone:
            if gone.code() is not grpc.StatusCode.UNAVAILABLE:  # the server stops when the last line is measured
                raise


if __name__ == "__main__":
    target, step_type, *more = sys.argv[1:]
    run(main(target, step_type, int(more[0]) if more else 1))
