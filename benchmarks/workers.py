"""W1 to W4 over a gRPC worker in a process of its own, on SQLite with full durability; and what else workers wait for.

    uv run python benchmarks/workers.py [--runs 5] [--only W1 idle]

The engine and the caller share this process, as in `benchmarks/engine.py`, so that the lines can be compared; W4
through REST is a server of its own. Every step is declared `idempotent`. Figures are medians, with the least and the
greatest beside them.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import grpc
import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script's own folder is the path otherwise

from benchmarks.engine import chain, fan, finish, timed
from workflow_engine.assembly import Engine
from workflow_engine.clock import SystemClock
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.jsontext import write
from workflow_engine.logs import configure
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.generated import (
    registry_pb2,
    worker_pb2_grpc,
    workflow_pb2,
    workflow_pb2_grpc,
)
from workflow_engine.rpc.generated import (
    worker_pb2 as pb,
)
from workflow_engine.rpc.server import GrpcServer
from workflow_engine.serving import collect_garbage_seldom, run
from workflow_engine.settings import Settings

RAW_WORKER: Final = Path(__file__).parent / "raw_worker.py"
STEP: Final = "bench.echo"
IDLE_SESSIONS: Final = 1_000


@dataclass(frozen=True, slots=True)
class Bench:
    """An engine with its gRPC face, and a worker that serves `STEP`."""

    engine: Engine
    target: str
    channel: grpc.aio.Channel


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    settings = Settings(grpc_port=0, log_level="warning", database_url=f"sqlite:///{folder}/benchmark.db")
    configure(settings.log_format, settings.log_level)  # or a line for each of 1,000 workers drowns the rest
    metrics, stopping = Metrics(), asyncio.Event()
    async with Engine.open(settings=settings, observers=[metrics.observe]) as engine:
        backing = Backing(
            engine.face, settings, metrics, ErrorLog(SystemClock()), stopping, Places(settings.limits.max_streams)
        )
        server = GrpcServer(backing, engine.ready)
        await server.start()
        await engine.ready()
        target = f"127.0.0.1:{server.port}"
        async with raw_worker(target, STEP), grpc.aio.insecure_channel(target) as channel:
            collect_garbage_seldom()
            try:
                yield Bench(engine, target, channel)
            finally:
                await server.stop()


@asynccontextmanager
async def raw_worker(target: str, step_type: str, sessions: int = 1) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process, serving when this is entered."""
    root = str(RAW_WORKER.parents[1])
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(RAW_WORKER),
        target,
        step_type,
        str(sessions),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert process.stdout is not None
    for _ in range(sessions):
        await asyncio.wait_for(process.stdout.readline(), 60)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


# --- the work ---------------------------------------------------------------------------------------------------------


async def w1(on: Bench) -> float:
    return await timed(finish(on.engine, chain(100, STEP))) / 100 * 1e3


async def w2(on: Bench) -> float:
    return 2_000 / await timed(asyncio.gather(*(finish(on.engine, chain(10, STEP)) for _ in range(200))))


async def w3(on: Bench) -> float:
    return await timed(finish(on.engine, fan(500, STEP))) * 1e3


async def w4(on: Bench) -> float:
    return statistics.median([await timed(finish(on.engine, chain(1, STEP))) for _ in range(100)]) * 1e3


async def cancel_latency(on: Bench) -> float:
    """From the call of Cancel to its frame at a worker that never answers anything: p99 of 200, ms."""
    stub = worker_pb2_grpc.WorkerServiceStub(on.channel)
    flows = workflow_pb2_grpc.WorkflowServiceStub(on.channel)
    call = await _session(stub, "canceller", "bench.wait")
    took: list[float] = []
    for _ in range(200):
        started = await flows.Execute(workflow_pb2.ExecuteRequest(body=write(chain(1, "bench.wait"))))
        await _next(call, "assign")
        begun = time.perf_counter()
        await flows.Cancel(workflow_pb2.CancelRequest(execution_id=started.execution_id))
        cancels = await _next(call, "cancels")
        took.append((time.perf_counter() - begun) * 1e3)
        acks = pb.CancelAcks(leases=[one.lease for one in cancels.cancels.items])
        await call.write(pb.SessionRequest(cancel_acks=acks))
    call.cancel()
    return sorted(took)[int(len(took) * 0.99) - 1]


async def first_use(on: Bench) -> float:
    """From the connection of a new worker with a new type to the result of its first step: ms."""
    flows = workflow_pb2_grpc.WorkflowServiceStub(on.channel)
    step_type = f"bench.new{time.time_ns()}"

    async def used() -> None:
        async with grpc.aio.insecure_channel(on.target) as channel:
            call = await _session(worker_pb2_grpc.WorkerServiceStub(channel), "newcomer", step_type)
            body = write(chain(1, step_type))
            running = asyncio.ensure_future(flows.Execute(workflow_pb2.ExecuteRequest(body=body, wait_seconds=10)))
            assigned = await _next(call, "assign")
            result = pb.Result(lease=assigned.assign.items[0].lease, output=pb.Payload(data=b"{}"))
            await call.write(pb.SessionRequest(results=pb.Results(items=[result])))
            answered = await running
            assert answered.results.status == "completed"

    return await timed(used()) * 1e3


async def idle(on: Bench) -> float:
    """Memory of one idle session: KiB. Prints the CPU that pinging all of them costs."""
    before = _resident()
    async with raw_worker(on.target, "bench.idle", IDLE_SESSIONS):
        await asyncio.sleep(2)
        grown = (_resident() - before) / IDLE_SESSIONS / 1024
        cpu, begun = time.process_time(), time.perf_counter()
        await asyncio.sleep(10)
        share = (time.process_time() - cpu) / (time.perf_counter() - begun)
    print(f"       {IDLE_SESSIONS:,} idle sessions, pinged every 10 s: {share * 1000:.1f} ms of CPU a second")
    return grown


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


async def w4_rest(on: Bench) -> float:
    """One step through `POST /workflows/execute?wait` of a server of its own, on a kept connection: p50, ms."""
    folder = Path(on.engine.journal.url.removeprefix("sqlite:///")).parent / "rest"
    folder.mkdir(exist_ok=True)
    async with server_process(folder) as (url, target), raw_worker(target, STEP), httpx2.AsyncClient() as client:
        took = []
        for _ in range(220):
            begun = time.perf_counter()
            answer = await client.post(f"{url}/workflows/execute?wait=10", json=chain(1, STEP))
            took.append((time.perf_counter() - begun) * 1e3)
            assert answer.json()["status"] == "completed"
        return statistics.median(took[20:])


@asynccontextmanager
async def server_process(folder: Path) -> AsyncIterator[tuple[str, str]]:
    """A server of its own; where it is reached by REST and by gRPC."""
    script = (
        "import json,sys\n"
        "from workflow_engine.serving import run, serve\n"
        "from workflow_engine.settings import Settings\n"
        f"settings = Settings(port=0, grpc_port=0, log_level='warning', database_url='sqlite:///{folder}/rest.db')\n"
        "run(serve(settings, lambda on: print(json.dumps([on.port, on.grpc_port]), flush=True)))\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    while not (said := await asyncio.wait_for(process.stdout.readline(), 60)).startswith(b"[") and said:
        pass  # what it logs
    port, grpc_port = json.loads(said)
    try:
        yield f"http://127.0.0.1:{port}", f"127.0.0.1:{grpc_port}"
    finally:
        process.kill()
        await process.wait()


async def _session(stub: "worker_pb2_grpc.WorkerServiceAsyncStub", worker_id: str, step_type: str) -> "Call":
    call = stub.Session()
    contract = registry_pb2.StepContract(name=step_type, version="1.0.0", title=step_type)
    for frame in (
        pb.SessionRequest(hello=pb.Hello(proto_min=1, proto_max=1, worker_id=worker_id)),
        pb.SessionRequest(register=pb.Register(steps=[contract])),
        pb.SessionRequest(credits=pb.Credits(slots={"": 100})),
        pb.SessionRequest(ready=pb.Ready()),
    ):
        await call.write(frame)
    await _next(call, "registered")
    return call


async def _next(call: "Call", kind: str) -> pb.SessionResponse:
    """The next frame of this kind."""
    async for frame in call:
        if frame.WhichOneof("frame") == kind:
            return frame
    raise SystemExit(f"the stream ended before {kind}")


Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.SessionRequest, pb.SessionResponse]"

# --- the table --------------------------------------------------------------------------------------------------------

Measure: TypeAlias = Callable[[Bench], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    what: str
    unit: str
    target: str
    measure: Measure
    most_runs: int = 100


LINES: Final = (
    Line("W1", "100 sequential steps", "ms/step", "<= 0.85", w1),
    Line("W2", "200 executions x 10 steps at once", "steps/s", ">= 10,000", w2),
    Line("W3", "fan-out 500 + join", "ms", "<= 30", w3),
    Line("W4", "start to result, one step, engine call, p50", "ms", "", w4),
    Line("W4", "  the same through REST", "ms", "<= 4", w4_rest, most_runs=2),
    Line("cancel", "from Cancel to its frame, p99", "ms", "< 100", cancel_latency, most_runs=2),
    Line("first", "from a new worker to its first result", "ms", "< 1,000", first_use),
    Line("idle", "memory of an idle session", "KiB", "", idle, most_runs=1),
)


async def main(runs: int, only: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with bench(Path(folder)) as on:
            for line in LINES:
                if not only or line.name in only:
                    await show(on, line, min(runs, line.most_runs))


async def show(on: Bench, line: Line, runs: int) -> None:
    if runs > 2:
        await line.measure(on)  # warm
    before = on.engine.journal.written.transactions
    figures = [await line.measure(on) for _ in range(runs)]
    commits = (on.engine.journal.written.transactions - before) / runs
    print(
        f"{line.name:<6} {line.what:<44} {statistics.median(figures):>10,.2f} {line.unit:<8} "
        f"[{min(figures):,.2f} .. {max(figures):,.2f}]  {commits:,.0f} transactions  {line.target}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    run(main(asked.runs, asked.only))
