"""What the engine lends to plugins that ask for it: a guarded way to call HTTP servers, and agents.

Plugins see these protocols and values only; who keeps the promise is none of their business.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.identifiers import DEFAULT_NAMESPACE
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Conversing, StepFailure, StepRequest


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One call. `timeout_seconds` bounds all of it, from the look-up of the name to the last byte."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str | list[str]] = field(default_factory=dict)
    """Added to the query the URL has already."""
    body: bytes | None = None
    timeout_seconds: float = 30.0
    max_response_bytes: int = 1024 * 1024
    """Counted after decompression."""
    max_redirects: int = 0
    """With 0 a redirect is an answer like any other."""
    namespace: str = DEFAULT_NAMESPACE
    """Whose list of allowed hosts holds."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What came back. Header names are in lower case; a header that came several times is joined by `, `."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    """Where the answer came from, after redirects."""


class Http(Protocol):
    async def send(self, request: HttpRequest) -> HttpResponse:
        """Call one server. Raises the failures below, and `InvalidConfig` for a request nobody could send."""


@dataclass(frozen=True, slots=True)
class AgentWish:
    """What a step wants of an agent."""

    query: str
    agent: JsonObject = field(default_factory=dict)
    """The agent, as the body of `/agents` describes one; of a stored agent what this step says differently."""
    agent_id: str | None = None
    is_stored: bool = False
    """Whether `agent_id` names a stored agent; else it is only told."""
    place: str = ""
    """The JSON pointer of `agent` in the step's config, for refusals."""
    system_prompt_if_none: str = ""
    """Holds for an agent that has no system prompt of its own."""
    history: tuple[JsonObject, ...] = ()
    """Messages before the query: objects of `role` and `content`."""
    response_schema: JsonObject | None = None
    """None: the agent's own."""
    stream: bool = False
    multi_turn: bool = False


@dataclass(frozen=True, slots=True)
class ToolWish:
    """One call of one tool: a step type (`name` or `name@range`), or `server/tool` of an MCP server."""

    name: str
    arguments: JsonObject
    config: JsonObject = field(default_factory=dict)


class Agents(Protocol):
    """Synchronous and quick: everything is looked up in memory, and nobody is asked anything."""

    def begin(self, request: StepRequest, wish: AgentWish) -> Conversing:
        """The conversation of an agent. Its memo is `{name, agent_id, model, provider_type}`.

        Raises `InvalidConfig`, and `StepFailure` with `provider-not-configured` where simulation is forbidden.
        """

    def call_tool(self, request: StepRequest, wish: ToolWish) -> Conversing:
        """A conversation that is one call of a tool. Its memo is `{name, params}`. Raises `InvalidConfig`."""

    def tool_schema(self, namespace: str, name: str) -> JsonObject | None:
        """What a step type takes when it is a tool; None when there is no such step type."""


class ServiceMissing(WorkflowEngineError):
    """A step used a service that whoever assembled the engine did not lend."""

    code = "service-missing"

    def __init__(self, service: str) -> None:
        super().__init__(f"This engine was assembled without the service '{service}'")


class NoHttp:
    """Stands where nobody lends HTTP: listing and validating step types needs no network."""

    async def send(self, request: HttpRequest) -> HttpResponse:
        raise ServiceMissing("http")


class NoAgents:
    """Stands where nobody lends agents."""

    def begin(self, request: StepRequest, wish: AgentWish) -> Conversing:
        raise ServiceMissing("agents")

    def call_tool(self, request: StepRequest, wish: ToolWish) -> Conversing:
        raise ServiceMissing("agents")

    def tool_schema(self, namespace: str, name: str) -> JsonObject | None:
        raise ServiceMissing("agents")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a plugin may ask for, by naming `services` in its hook."""

    http: Http = field(default_factory=NoHttp)
    agents: Agents = field(default_factory=NoAgents)


class HostNotAllowed(StepFailure):
    """The address of this host is not a public one, and the list of allowed hosts does not name it."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__("host-not-allowed", f"Host not allowed: {host} ({why})", retryable=False)


class HostUnreachable(StepFailure):
    """No connection was made, so the server has seen nothing of the request."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__("transport-error", f"Could not connect to {host}: {why}", retryable=True)


class ConnectionBroke(StepFailure):
    """The connection failed after the request was on its way: whether the server acted on it is not known."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__("transport-error", f"The connection to {host} broke: {why}", retryable=True)


class CallTimedOut(StepFailure):
    """No complete answer in time: whether the server acted on the request is not known."""

    def __init__(self, host: str, seconds: float) -> None:
        super().__init__("timeout", f"No complete answer from {host} within {seconds:g} seconds", retryable=True)


class ResponseTooLarge(StepFailure):
    """The answer, decompressed, is larger than was asked for."""

    def __init__(self, host: str, limit: int) -> None:
        super().__init__("payload-too-large", f"The answer of {host} is larger than {limit} bytes", retryable=False)
