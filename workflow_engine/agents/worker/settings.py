"""What this process is told, by its command line and its environment. Nothing else here reads the environment's
`WORKFLOW_ENGINE_AGENTS__*`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from workflow_engine.agents.worker_variables import (
    ALLOWED_HOSTS,
    CACHED_ROUTERS,
    GRACE_SECONDS,
    MAX_ANSWER_BYTES,
    MCP_SERVERS,
)
from workflow_engine.errors import RefusedToStart


class InvalidAgentSetting(RefusedToStart):
    code = "invalid-agent-setting"

    def __init__(self, variable: str, why: str) -> None:
        super().__init__(f"{variable}: {why}")


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """An MCP server over streamable HTTP. `credential` names the bearer token it gets; `is_named` by an administrator,
    whose word is enough for the address.
    """

    url: str
    credential: str | None = None
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class LocalServer:
    """An MCP server that is started as a program of this machine: an administrator's to say, never an agent's."""

    command: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


McpServer: TypeAlias = RemoteServer | LocalServer


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """`max_answer_bytes` bounds the body of one answer, `cached_routers` how many configurations of models are kept
    ready; seconds for `grace` (to finish what is in hand when the parent is gone).
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_loopback: bool = False
    mcp_servers: Mapping[str, McpServer] = field(default_factory=dict)
    max_answer_bytes: int = 16 * 1024 * 1024
    cached_routers: int = 64
    grace: float = 20.0


def read_settings(environment: Mapping[str, str], *, allow_loopback: bool) -> WorkerSettings:
    """Raises `InvalidAgentSetting`."""
    default = WorkerSettings()
    hosts = (entry.strip() for entry in environment.get(ALLOWED_HOSTS, "").split(","))
    return WorkerSettings(
        allowed_hosts=tuple(entry for entry in hosts if entry),
        allow_loopback=allow_loopback,
        mcp_servers=_mcp_servers(environment.get(MCP_SERVERS, "")),
        max_answer_bytes=_count(environment, MAX_ANSWER_BYTES, default.max_answer_bytes),
        cached_routers=_count(environment, CACHED_ROUTERS, default.cached_routers),
        grace=_seconds(environment, GRACE_SECONDS, default.grace),
    )


def _count(environment: Mapping[str, str], variable: str, default: int) -> int:
    text = environment.get(variable, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise InvalidAgentSetting(variable, "give a whole number above 0")
    return int(text)


def _seconds(environment: Mapping[str, str], variable: str, default: float) -> float:
    text = environment.get(variable, "").strip()
    if not text:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 86_400:
        raise InvalidAgentSetting(variable, "give seconds, from 0 to 86400")
    return seconds


def _mcp_servers(text: str) -> Mapping[str, McpServer]:
    if not text.strip():
        return {}
    try:
        written = json.loads(text)
    except ValueError:
        raise InvalidAgentSetting(MCP_SERVERS, "it is no JSON; write {name: {url} or {command, args, env}}") from None
    if not isinstance(written, dict):
        raise InvalidAgentSetting(MCP_SERVERS, "it is no JSON object; write {name: {url} or {command, args, env}}")
    return {name: _mcp_server(name, entry) for name, entry in written.items()}


def _mcp_server(name: str, entry: object) -> McpServer:
    """Values are not repeated in an error: `env` may hold secrets."""
    if not isinstance(entry, dict):
        raise InvalidAgentSetting(MCP_SERVERS, f"{name!r} is no object; write {{url}} or {{command, args, env}}")
    if isinstance(url := entry.get("url"), str) and set(entry) <= {"url", "credential"}:
        credential = entry.get("credential")
        if credential is None or isinstance(credential, str):
            return RemoteServer(url, credential, is_named=True)
    if isinstance(command := entry.get("command"), str) and set(entry) <= {"command", "args", "env"}:
        args, env = entry.get("args", []), entry.get("env", {})
        if _are_texts(args) and isinstance(env, dict) and _are_texts(list(env.values())):
            return LocalServer(command, tuple(args), dict(env))
    raise InvalidAgentSetting(MCP_SERVERS, f"{name!r} is neither {{url, credential?}} nor {{command, args?, env?}}")


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(isinstance(value, str) for value in values)
