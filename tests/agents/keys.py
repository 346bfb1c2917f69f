"""The keys in the environment of the agent worker under test: made up, known to the fakes, to be found nowhere else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.agents.upstreams.anthropic import Anthropic
from tests.agents.upstreams.bedrock import Bedrock
from tests.agents.upstreams.gemini import Gemini
from tests.agents.upstreams.openai import OpenAI
from tests.agents.upstreams.processes import MCP_COMMAND
from tests.agents.upstreams.upstream import Upstream
from tests.serving.process import CHECKOUT

# Some look like keys, some do not: what strikes them out must know them, not only their looks.
OPENAI_KEY: Final = "sk-proj-canary1Open2AI3"
ANTHROPIC_KEY: Final = "canary/anthropic+4=5"
GEMINI_KEY: Final = "AIzaSyCanary6Gemini7Canary8"
ONPREM_KEY: Final = "canary onprem nine"
AWS_KEY: Final = "AKIACANARYCANARY0001"
AWS_SECRET: Final = "canary10AWS/secret+11canary"
SPARE_KEY: Final = "canary-spare-12"
"""A credential by the name SPARE."""
OTHER_AWS_KEY: Final = "AKIACANARYCANARY0002"
OTHER_AWS_SECRET: Final = "canary13other/secret+14"
"""A credential by the name OTHER_AWS."""
MCP_KEY: Final = "canary-mcp-15"
"""A credential by the name TOOLS."""

CANARIES: Final = (
    OPENAI_KEY,
    ANTHROPIC_KEY,
    GEMINI_KEY,
    ONPREM_KEY,
    AWS_KEY,
    AWS_SECRET,
    SPARE_KEY,
    OTHER_AWS_KEY,
    OTHER_AWS_SECRET,
    MCP_KEY,
)
ENVIRONMENT: Final[Mapping[str, str]] = {
    "OPENAI_API_KEY": OPENAI_KEY,
    "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
    "GEMINI_API_KEY": GEMINI_KEY,
    "ONPREM_API_KEY": ONPREM_KEY,
    "AWS_ACCESS_KEY_ID": AWS_KEY,
    "AWS_SECRET_ACCESS_KEY": AWS_SECRET,
    "AWS_REGION": "eu-central-1",
    "WORKFLOW_ENGINE_CREDENTIAL_SPARE": SPARE_KEY,
    "WORKFLOW_ENGINE_CREDENTIAL_OTHER_AWS": f"{OTHER_AWS_KEY}:{OTHER_AWS_SECRET}",
    "WORKFLOW_ENGINE_CREDENTIAL_TOOLS": MCP_KEY,
    "WORKFLOW_ENGINE_AGENTS__MCP_SERVERS": json.dumps(
        {"local": {"command": MCP_COMMAND[0], "args": MCP_COMMAND[1:], "env": {"PYTHONPATH": str(CHECKOUT)}}}
    ),
}
HOME_WIRES: Final = (
    OpenAI([OPENAI_KEY, ONPREM_KEY, SPARE_KEY]),
    Anthropic([ANTHROPIC_KEY, SPARE_KEY]),
    Gemini([GEMINI_KEY, SPARE_KEY]),
    Bedrock([SPARE_KEY], {AWS_KEY: AWS_SECRET, OTHER_AWS_KEY: OTHER_AWS_SECRET}),
)


def addresses(upstream: Upstream) -> dict[str, str]:
    """The operator's own addresses of all providers."""
    return {
        "OPENAI_API_BASE": upstream.base("openai"),
        "ANTHROPIC_API_BASE": upstream.base("anthropic"),
        "GEMINI_API_BASE": upstream.base("gemini"),
        "AWS_BEDROCK_RUNTIME_ENDPOINT": upstream.base("bedrock"),
        "ONPREM_API_BASE": f"{upstream.url}/onprem/v1",
    }


def found_in(folder: Path) -> dict[str, list[str]]:
    """The files below this folder that hold a key, and which."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {str(path.name): found for path, content in files.items() if (found := keys_in(content))}


def keys_in(content: bytes) -> list[str]:
    return [key for key in CANARIES if key.encode() in content]
