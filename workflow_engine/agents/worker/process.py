"""The life of the process: reads what it is told, loads litellm, serves until it is drained or its parent is gone."""

import argparse
import asyncio
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final

from workflow_client import LeftByServer, Tls, Worker, WorkerError

from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker.guard import Guard, GuardedLoop
from workflow_engine.agents.worker.library import Library, load, warm_up
from workflow_engine.agents.worker.mcp_steps import McpSteps
from workflow_engine.agents.worker.model_calls import ModelCalls
from workflow_engine.agents.worker.parent import Parent
from workflow_engine.agents.worker.preparing import Preparing
from workflow_engine.agents.worker.providers import configured_providers
from workflow_engine.agents.worker.routing import Routing
from workflow_engine.agents.worker.settings import WorkerSettings, read_settings
from workflow_engine.errors import RefusedToStart
from workflow_engine.logs import configure, logger
from workflow_engine.steps.agent_steps import MCP_CALL, MCP_TOOLS, MODEL_CALL
from workflow_engine.version import VERSION

log = logger(__name__)

DEFAULT_SERVER: Final = "localhost:50051"
DEFAULT_SLOTS: Final = 200
KIND: Final = "agent-worker"


def main(arguments: Sequence[str]) -> int:
    """Exit codes: 0 drained, 1 it cannot run, 128 + signal when it was made to quit."""
    told = _parser().parse_args(arguments)
    configure(told.log_format, told.log_level)
    try:
        settings = read_settings(os.environ, allow_loopback=told.allow_loopback)
        worker = _worker(told, settings)
        library = load(settings.max_answer_bytes)
        with asyncio.Runner(loop_factory=GuardedLoop) as runner:
            runner.run(_serve(worker, library, settings, with_parent=told.with_parent))
    except LeftByServer as failure:
        log.error("the server will not have this worker", reason=str(failure))
        return 1
    except (RefusedToStart, WorkerError) as failure:
        log.error("the agent worker cannot run", reason=str(failure))
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workflow_engine.agents.worker", description="Calls models and MCP servers for the server."
    )
    parser.add_argument("--server", default=DEFAULT_SERVER, help="host:port of the server's gRPC port")
    parser.add_argument("--namespace", default="", help="the namespace of the key, when it should be checked")
    parser.add_argument("--worker-id", help="names this process; made up without it")
    parser.add_argument("--slots", type=int, default=DEFAULT_SLOTS, help="the most calls at once")
    parser.add_argument("--tls", action="store_true", help="talk TLS to the server")
    parser.add_argument("--tls-ca", metavar="FILE", help="trust this PEM file instead of what the system trusts")
    parser.add_argument("--allow-loopback", action="store_true", help="agents may name addresses of this machine")
    parser.add_argument("--with-parent", action="store_true", help="leave when stdin closes")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error", "critical"))
    parser.add_argument("--log-format", default="console", choices=("console", "json"))
    return parser


def _worker(told: argparse.Namespace, settings: WorkerSettings) -> Worker:
    return Worker(
        told.server,
        namespace=told.namespace,
        worker_id=told.worker_id,
        build_id=VERSION,
        slots=told.slots,
        tls=Tls(ca=told.tls_ca) if told.tls_ca else told.tls,
        labels=labels(os.environ),
        drain_seconds=settings.grace,
    )


def labels(environment: Mapping[str, str]) -> dict[str, str]:
    """What the server shows of this worker: names of providers, never a value."""
    return {"kind": KIND, "providers": ",".join(configured_providers(environment))}


async def _serve(worker: Worker, library: Library, settings: WorkerSettings, *, with_parent: bool) -> None:
    parent = Parent(sys.stdin.fileno(), worker.drain) if with_parent else None
    await warm_up(library)
    gc.collect()
    gc.freeze()  # litellm's price list and classes stay for good: no collection has to walk through them again
    guard = Guard(settings.allowed_hosts, loopback=settings.allow_loopback)
    redaction = Redaction(os.environ)
    preparing = Preparing(library, os.environ, settings.cached_routers)
    models = ModelCalls(library, preparing, Routing(library, settings.cached_routers), guard, redaction)
    mcp = McpSteps(settings, os.environ, guard, redaction)
    worker.serve(MODEL_CALL.name, models.serve)
    worker.serve(MCP_TOOLS.name, mcp.tools)
    worker.serve(MCP_CALL.name, mcp.call)
    serving = asyncio.create_task(worker.run_async(handle_signals=True))
    try:
        if parent is not None:
            await asyncio.sleep(0)  # the worker has begun, so that it can be drained
            parent.watch()
        await serving
    finally:
        if parent is not None:
            parent.leave()
