"""W1 to W5 of this engine in process, on SQLite with full durability, beside bare commits of the same bytes in the same run.

    uv run python benchmarks/engine.py [--runs 5] [--only W1 W2]

Every step is declared `idempotent`, so that each result is committed before the next step starts; `pure` steps, which share the
commit of their turn, have a line of their own. What is printed are medians, with the least and the greatest beside them.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.settings import Settings
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest, StepType

PAYLOAD = {"text": "x" * 180}


async def echo(request: StepRequest) -> Json:
    return PAYLOAD


def pure_echo(request: StepRequest) -> Json:
    return PAYLOAD


ECHO = OfferedStep(StepType("echo", effect=Effect.IDEMPOTENT), echo)
PURE = OfferedStep(StepType("pure_echo", effect=Effect.PURE, inline=True), pure_echo)


def chain(length: int, step_type: str = "echo") -> JsonObject:
    steps: list[Json] = [
        {"step_id": f"s{n}", "step_type": step_type, "dependencies": [f"s{n - 1}"] if n else []} for n in range(length)
    ]
    return {"name": f"chain of {length}", "steps": steps}


def fan(width: int) -> JsonObject:
    branches: list[Json] = [{"step_id": f"b{n}", "step_type": "echo", "dependencies": ["first"]} for n in range(width)]
    join: Json = {"step_id": "join", "step_type": "echo", "dependencies": [f"b{n}" for n in range(width)]}
    return {
        "name": "fan",
        "execution_pattern": "parallel",
        "max_parallel": 0,
        "steps": [{"step_id": "first", "step_type": "echo"}, *branches, join],
    }


async def run(engine: Engine, document: JsonObject, seconds: float = 120) -> None:
    accepted = await engine.executions.start(LOCAL, document)
    results = await engine.executions.wait(LOCAL, accepted.execution_id, seconds)
    if results.status != "completed":
        raise SystemExit(f"{document['name']} ended as {results.status}")


async def timed(work: Awaitable[None]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def w1(engine: Engine, step_type: str = "echo") -> float:
    """100 sequential steps: microseconds a step."""
    return await timed(run(engine, chain(100, step_type))) / 100 * 1e6


async def w2(engine: Engine) -> float:
    """200 executions of 10 steps at once: steps a second."""

    async def all_at_once() -> None:
        await asyncio.gather(*(run(engine, chain(10)) for _ in range(200)))

    return 2_000 / await timed(all_at_once())


async def w3(engine: Engine) -> float:
    """Fan-out of 500 and a join: milliseconds."""
    return await timed(run(engine, fan(500))) * 1e3


async def w4(engine: Engine) -> float:
    """Start to result of one step: milliseconds, the median of 100."""
    return statistics.median([await timed(run(engine, chain(1))) for _ in range(100)]) * 1e3
