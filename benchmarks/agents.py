"""What agents cost beyond their providers: a real agent worker against a fake upstream that takes its time.

    uv run python benchmarks/agents.py [--runs 5] [--only turn crowd]

The upstream is a process of its own; engine and caller share this one, as in the other benchmarks. Every line stands
beside the same calls made directly, over a kept connection, in the same run.
"""

import argparse
import asyncio
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

import httpx2

sys.path.insert(0, str(Path(__file__).parents[1]))  # a script's own folder is the path otherwise

from benchmarks.engine import timed
from benchmarks.obliging import TURNS
from tests.agents.upstreams.processes import upstream_process
from workflow_engine.assembly import Engine
from workflow_engine.clock import SystemClock
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.error_log import ErrorLog
from workflow_engine.engine.metrics import Metrics
from workflow_engine.engine.places import Places
from workflow_engine.jsontext import JsonObject
from workflow_engine.logs import configure
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.server import GrpcServer
from workflow_engine.serving import collect_garbage_seldom, run
from workflow_engine.settings import Settings

CLIENT: Final = Path(__file__).parents[1] / "clients" / "python"
OBLIGING: Final = ("--respond", "benchmarks.obliging:respond")
SLOW: Final = ("--delay", "0.5")
CROWD: Final = 200


@dataclass(frozen=True, slots=True)
class Bench:
    engine: Engine
    upstream: str
    """The base URL of the fake upstream, as an OpenAI client takes it."""


@asynccontextmanager
async def bench(folder: Path, *answering: str) -> AsyncIterator[Bench]:
    settings = Settings(grpc_port=0, log_level="warning", database_url=f"sqlite:///{folder}/benchmark.db")
    configure(settings.log_format, settings.log_level)
    metrics, stopping = Metrics(), asyncio.Event()
    with upstream_process(*answering) as address:
        base = f"{address}/v1"
        environment = {"OPENAI_API_KEY": "none", "OPENAI_API_BASE": base}
        async with Engine.open(settings=settings, observers=[metrics.observe], environment=environment) as engine:
            backing = Backing(
                engine.face, settings, metrics, ErrorLog(SystemClock()), stopping, Places(settings.limits.max_streams)
            )
            server = GrpcServer(backing, engine.ready)
            await server.start()
            async with agent_worker(engine, f"127.0.0.1:{server.port}", environment):
                collect_garbage_seldom()
                try:
                    yield Bench(engine, base)
                finally:
                    await server.stop()


@asynccontextmanager
async def agent_worker(engine: Engine, target: str, environment: dict[str, str]) -> AsyncIterator[None]:
    """The agent worker, serving when this is entered."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workflow_engine.agents.worker", "--server", target, "--allow-loopback"),
        *("--slots", str(CROWD), "--log-level", "warning"),
        env={**os.environ, **environment, "PYTHONPATH": f"{CLIENT}{os.pathsep}{CLIENT.parents[1]}"},
    )
    try:
        await finish(engine, document("Are you there?"))  # answered as soon as it is
        yield
    finally:
        process.terminate()
        await process.wait()


def document(query: str, *tools: str) -> JsonObject:
    agent: JsonObject = {
        "agent_name": "Bench",
        "model": "gpt-4o-mini",
        "provider_type": "openai_textgen",
        "system_prompt": "You are measured.",
        "tools": list(tools),
        "limits": {"max_turns": TURNS},
    }
    config: JsonObject = {"agent_config": agent, "query": query, "return_simplified": True}
    return {"name": "bench", "steps": [{"step_id": "ask", "step_type": "agent_execution", "config": config}]}


async def finish(engine: Engine, body: JsonObject) -> None:
    accepted = await engine.executions.start(LOCAL, body)
    results = await engine.executions.wait(LOCAL, accepted.execution_id, 60)
    assert results.status == "completed", results.error
    assert not results.steps["ask"].simulated


async def direct(on: Bench, count: int) -> list[float]:
    """The same calls without any of us: milliseconds of each."""
    body = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Well?"}]}
    took = []
    async with httpx2.AsyncClient(headers={"authorization": "Bearer none"}) as client:
        for _ in range(count):
            begun = time.perf_counter()
            answer = await client.post(f"{on.upstream}/chat/completions", json=body)
            took.append((time.perf_counter() - begun) * 1e3)
            assert answer.status_code == 200
    return took


async def turn(on: Bench) -> float:
    """What one of twenty turns with a tool call takes beyond the call of the provider: ms."""
    provider = statistics.median(await direct(on, TURNS))
    return await timed(finish(on.engine, document("Begin.", "data_input"))) / TURNS * 1e3 - provider


async def crowd(on: Bench) -> float:
    """200 agents at once against an upstream that answers after 500 ms: seconds until the last is done."""
    return await timed(asyncio.gather(*(finish(on.engine, document(f"I am number {n}.")) for n in range(CROWD))))


Measure: TypeAlias = Callable[[Bench], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    what: str
    unit: str
    target: str
    answering: tuple[str, ...]
    measure: Measure


LINES: Final = (
    Line("turn", "a turn of an agent beyond its provider's call", "ms", "<= 10", OBLIGING, turn),
    Line("crowd", f"{CROWD} agents at once, upstream 500 ms", "s", "<= 2", SLOW, crowd),
)


async def main(runs: int, only: list[str]) -> None:
    for line in LINES:
        if not only or line.name in only:
            with tempfile.TemporaryDirectory() as folder:
                async with bench(Path(folder), *line.answering) as on:
                    await show(on, line, runs)


async def show(on: Bench, line: Line, runs: int) -> None:
    await line.measure(on)  # warm
    figures = [await line.measure(on) for _ in range(runs)]
    sys.stdout.write(
        f"{line.name:<6} {line.what:<48} {statistics.median(figures):>8,.2f} {line.unit:<3} "
        f"[{min(figures):,.2f} .. {max(figures):,.2f}]  {line.target}\n"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    run(main(asked.runs, asked.only))
