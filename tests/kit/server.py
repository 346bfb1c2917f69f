"""A server process with short terms for the conformance kit, and power over it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.serving.process import Serve, ServerProcess, free_port
from workflow_engine.testing import Target

SHORT: Final[dict[str, Any]] = {
    "workers__lease_seconds": 4,
    "workers__ack_within_seconds": 2,
    "workers__ping_every_seconds": 0.3,
    "workers__dead_after_seconds": 2,
    "workers__cancel_grace_seconds": 1,
    "workers__reconnect_after_seconds": 0.1,
    "shutdown_grace_seconds": 2,
}
"""Terms with which the suite is over in a minute; on a busy machine a session must still not seem dead."""


@dataclass(frozen=True, slots=True)
class Power:
    """What the kit may do to the process."""

    server: ServerProcess

    async def crash(self) -> None:
        await asyncio.to_thread(self.server.kill)
        await asyncio.to_thread(self.server.start)

    async def restart(self) -> None:
        await asyncio.to_thread(self.server.terminate)
        await asyncio.to_thread(self.server.start)


def started(serve: Serve, folder: Path, **settings: object) -> tuple[ServerProcess, Target]:
    """A server that is ready, with a key for the kit and one for somebody else."""
    grpc_port = free_port()
    server = serve(f"sqlite:///{folder / 'kit.db'}", grpc_port=grpc_port, **(SHORT | settings)).start()
    own = _key(server, {}, "kit", "admin")
    other = _key(server, {"Authorization": f"Bearer {own}"}, "stranger", "register")
    grpc = f"127.0.0.1:{grpc_port}"
    return server, Target(grpc, server.url, own, other, control=Power(server))


def _key(server: ServerProcess, headers: dict[str, str], principal: str, scope: str) -> str:
    answer = server.client.post("/keys", {"principal": principal, "scopes": [scope]}, headers)
    assert answer.status == 200, answer
    return str(answer.body["secret"])
