"""The setting `agents.mcp_servers`: which MCP servers agents may name, as JSON text.

    {"docs": {"url": "https://mcp.example.com/mcp", "credential": "DOCS"},
     "files": {"command": "mcp-files", "args": ["/srv/files"], "env": {"MODE": "ro"}}}

A server with a command runs on the machine of the agent worker: that is why only whoever sets up the server names one.
"""

import re
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CREDENTIAL: Final = r"^[A-Z][A-Z0-9_]{0,63}$"
_FAMILIAR: Final = {"json_invalid": "it is no JSON", "dict_type": "it must be an object", "model_type": "an object"}


class McpServer(BaseModel):
    """Reached over HTTP at `url`, or started as `command` and spoken to over its pipes. `credential` names a
    `WORKFLOW_ENGINE_CREDENTIAL_*` variable that is sent as a bearer token.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    url: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None
    credential: Annotated[str, Field(pattern=CREDENTIAL)] | None = None
    command: Annotated[str, Field(min_length=1)] | None = None
    args: tuple[str, ...] = Field((), strict=False)
    env: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url is None) == (self.command is None):
            raise ValueError("give either a url or a command")
        if self.url is not None and (self.args or self.env):
            raise ValueError("args and env belong to a command")
        if self.command is not None and self.credential is not None:
            raise ValueError("a command has no credential; give it what it needs in env")
        return self


_SERVERS: Final = TypeAdapter(dict[str, McpServer])


def read_mcp_servers(text: str) -> dict[str, McpServer]:
    """The servers by name; none for an empty text. Raises ValueError, which repeats no value: one may be a secret."""
    if not text.strip():
        return {}
    try:
        servers = _SERVERS.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        where = "".join(f"/{part}" for part in first["loc"])
        said = _FAMILIAR.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise ValueError(f"{f'at {where}: ' if where else ''}{said}") from None
    for name in servers:
        if not NAME.fullmatch(name):
            raise ValueError("the name of an MCP server has 1 to 64 letters, digits and _ . -")
    return servers
