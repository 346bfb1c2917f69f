"""How the agent worker of this server is started: its arguments, and the part of the environment that is its business.

What other machines use to start one of their own stands in docs/agents.md.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from workflow_engine.agents import worker_variables as told
from workflow_engine.agents.child import Command
from workflow_engine.agents.providers import configured
from workflow_engine.layout import client_folder, package_folder
from workflow_engine.settings import CREDENTIAL_PREFIX, PREFIX, Settings, is_loopback

MODULE: Final = "workflow_engine.agents.worker"
WORKER_ID: Final = "agent-worker"
KEY: Final = f"{PREFIX}API_KEY"
_OF_THE_SERVER: Final = frozenset({"DATABASE_URL"})
_EVERY_ADDRESS: Final = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - read, not listened on


@dataclass(frozen=True, slots=True)
class Reaching:
    """`target` is the address of gRPC; `key` opens its door, and ends with this process."""

    target: str
    key: str


def worker_command(settings: Settings, reaching: Reaching, environment: Mapping[str, str]) -> Command:
    arguments = [
        *(sys.executable, "-m", MODULE, "--with-parent", "--log-format", "json"),
        *("--server", reaching.target, "--worker-id", WORKER_ID),
        *("--slots", str(settings.agents.worker_slots), "--log-level", settings.log_level),
    ]
    if is_loopback(settings.host):
        arguments.append("--allow-loopback")
    return Command(tuple(arguments), _environment(settings, reaching.key, environment))


def has_something_to_call(environment: Mapping[str, str], settings: Settings | None = None) -> bool:
    """Whether there is a reason to start the process before a step asks for it: a provider, a key of one that the table
    does not know, a credential, or an MCP server.
    """
    if settings is not None and settings.agents.mcp_servers.strip():
        return True
    if any(status.configured for status in configured(environment)):
        return True
    return any(value and _is_a_key(name) for name, value in environment.items())


def _is_a_key(name: str) -> bool:
    return name.startswith(CREDENTIAL_PREFIX) or (name.endswith("_API_KEY") and not name.startswith(PREFIX))


def reachable(host: str, port: int) -> str:
    """The address by which a process of this machine reaches a server that listens on `host`."""
    bare = host.removeprefix("[").removesuffix("]")
    bare = _EVERY_ADDRESS.get(bare, bare)
    return f"[{bare}]:{port}" if ":" in bare else f"{bare}:{port}"


def _environment(settings: Settings, key: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Keys of providers, and nothing of the server's own: no database, no key of people."""
    agents = settings.agents
    return {
        **{name: value for name, value in environment.items() if _is_its_business(name)},
        "PYTHONPATH": os.pathsep.join(_search_path(environment)),
        KEY: key,
        told.ALLOWED_HOSTS: ",".join(agents.allowed_hosts),
        told.MCP_SERVERS: agents.mcp_servers,
        told.MAX_ANSWER_BYTES: str(agents.max_answer_bytes),
        told.GRACE_SECONDS: str(agents.worker_drain_seconds),
    }


def _is_its_business(name: str) -> bool:
    if name in _OF_THE_SERVER:
        return False
    return name.startswith(CREDENTIAL_PREFIX) or not name.upper().startswith(PREFIX)


def _search_path(environment: Mapping[str, str]) -> list[str]:
    """Where this process found the package, and the client that travels with it, before whatever was there."""
    there = environment.get("PYTHONPATH", "")
    return [str(package_folder()), str(client_folder()), *([there] if there else [])]
