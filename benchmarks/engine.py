"""W1 to W5 of this engine in process, on SQLite with full durability, beside bare commits of the same bytes.

    uv run python benchmarks/engine.py [--runs 5] [--only W1 W3]

Every step is declared `idempotent`, so that each result is committed before the next step starts; `pure` steps, which
share the commit of their turn, have lines of their own. Figures are medians, with the least and the greatest beside
them. The machine is somebody's laptop or a shared box: compare within one run, not between runs.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.history.events import StepCompleted, StepScheduled
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.serving import collect_garbage_seldom, run
from workflow_engine.settings import Settings
from workflow_engine.steps.contract import Effect, OfferedStep, StepRequest, StepType

PAYLOAD: Final[JsonObject] = {"text": "x" * 180}
LONG: Final = 10_000


async def echo(_request: StepRequest) -> Json:
    return PAYLOAD


def pure_echo(_request: StepRequest) -> Json:
    return PAYLOAD


ECHO: Final = OfferedStep(StepType("echo", effect=Effect.IDEMPOTENT), echo)
PURE: Final = OfferedStep(StepType("pure_echo", effect=Effect.PURE, inline=True), pure_echo)


# --- the work ---------------------------------------------------------------------------------------------------------


def chain(length: int, step_type: str = "echo") -> JsonObject:
    steps: list[Json] = [
        {"step_id": f"s{n}", "step_type": step_type, "dependencies": [f"s{n - 1}"] if n else []} for n in range(length)
    ]
    return {"name": f"chain of {length}", "steps": steps}


def fan(width: int, step_type: str = "echo") -> JsonObject:
    branches: list[Json] = [
        {"step_id": f"b{n}", "step_type": step_type, "dependencies": ["first"]} for n in range(width)
    ]
    join: Json = {"step_id": "join", "step_type": step_type, "dependencies": [f"b{n}" for n in range(width)]}
    steps: list[Json] = [{"step_id": "first", "step_type": step_type}, *branches, join]
    return {"name": "fan", "execution_pattern": "parallel", "max_parallel": 0, "steps": steps}


async def finish(engine: Engine, document: JsonObject) -> str:
    accepted = await engine.executions.start(LOCAL, document)
    results = accepted.results or await engine.executions.wait(LOCAL, accepted.execution_id, 300)
    if results.status != "completed":
        raise SystemExit(f"{document['name']} ended as {results.status}: {results.error}")
    return accepted.execution_id


async def timed(work: Awaitable[object]) -> float:
    started = time.perf_counter()
    await work
    return time.perf_counter() - started


async def w1(engine: Engine) -> float:
    return await timed(finish(engine, chain(100))) / 100 * 1e6


async def w1_pure(engine: Engine) -> float:
    return await timed(finish(engine, chain(100, "pure_echo"))) / 100 * 1e6


async def w2(engine: Engine) -> float:
    return 2_000 / await timed(asyncio.gather(*(finish(engine, chain(10)) for _ in range(200))))


async def w2_pure(engine: Engine) -> float:
    return 2_000 / await timed(asyncio.gather(*(finish(engine, chain(10, "pure_echo")) for _ in range(200))))


async def w3(engine: Engine) -> float:
    return await timed(finish(engine, fan(500))) * 1e3


async def w4(engine: Engine) -> float:
    return statistics.median([await timed(finish(engine, chain(1))) for _ in range(100)]) * 1e3


async def w5(engine: Engine) -> float:
    """The last tenth of 10,000 sequential steps against the first, by the instants in the history."""
    execution_id = await finish(engine, chain(LONG))
    history = await engine.journal.history(LOCAL.namespace, execution_id)
    ends = [recorded.event.at for recorded in history if isinstance(recorded.event, StepCompleted)]
    tenth = LONG // 10
    return (ends[-1] - ends[-tenth]) / (ends[tenth - 1] - ends[0])


async def bare_commit(engine: Engine) -> float:
    """What one durable commit of the bytes of one sequential step costs, with nothing around it: microseconds."""
    folder = Path(engine.journal.url.removeprefix("sqlite:///")).parent
    events = (StepCompleted(time.time(), "s1", 1, PAYLOAD, 0.1), StepScheduled(time.time(), "s2", 1, 1))
    return await asyncio.to_thread(_bare_commits, folder / "bare.db", write(events), 200)


def _bare_commits(database: Path, body: bytes, count: int) -> float:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, body TEXT)")
    started = time.perf_counter()
    for _ in range(count):
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO log (body) VALUES (?)", (body.decode(),))
        connection.execute("COMMIT")
    took = time.perf_counter() - started
    connection.close()
    return took / count * 1e6


# --- the table --------------------------------------------------------------------------------------------------------

Measure: TypeAlias = Callable[[Engine], Awaitable[float]]


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    what: str
    unit: str
    target: str
    measure: Measure
    most_runs: int = 100


LINES: Final = (
    Line("W1", "bare durable commit of the same bytes", "us", "", bare_commit),
    Line("W1", "100 sequential steps", "us/step", "<= 1.6 x bare, about 500", w1),
    Line("W1", "  the same, pure", "us/step", "", w1_pure),
    Line("W2", "200 executions x 10 steps at once", "steps/s", ">= 30,000", w2),
    Line("W2", "  the same, pure", "steps/s", "", w2_pure),
    Line("W3", "fan-out 500 + join", "ms", "<= 16", w3),
    Line("W4", "start to result, one step, p50", "ms", "<= 1.25", w4),
    Line("W5", "last tenth of 10,000 steps : first", "x", "<= 1.10", w5, most_runs=2),
)


async def main(runs: int, only: list[str]) -> None:
    settings = Settings()
    # W5 needs a longer document than the default limits allow; nothing else differs from a server's defaults.
    limits = settings.limits.model_copy(update={"max_steps": LONG, "max_definition_bytes": 4 * 1024 * 1024})
    settings = settings.model_copy(update={"limits": limits})
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/benchmark.db"
        async with Engine.open(url, steps=[ECHO, PURE], settings=settings) as engine:
            collect_garbage_seldom()
            for line in LINES:
                if not only or line.name in only:
                    await show(engine, line, min(runs, line.most_runs))


async def show(engine: Engine, line: Line, runs: int) -> None:
    if runs > 2:
        await line.measure(engine)  # warm
    before = engine.journal.written.transactions
    figures = [await line.measure(engine) for _ in range(runs)]
    commits = (engine.journal.written.transactions - before) / runs
    median = statistics.median(figures)
    print(
        f"{line.name}  {line.what:<40} {median:>11,.2f} {line.unit:<8} "
        f"[{min(figures):,.2f} .. {max(figures):,.2f}]  {commits:,.0f} transactions  {line.target}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[])
    asked = parser.parse_args()
    run(main(asked.runs, asked.only))
