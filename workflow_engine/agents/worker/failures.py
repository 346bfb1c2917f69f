"""How a model call fails: the leaves that this process raises itself. What providers do is judged in `verdicts.py`."""

from collections.abc import Sequence

from workflow_client import StepError


class CredentialUnknown(StepError):
    def __init__(self, name: str) -> None:
        variable = f"WORKFLOW_ENGINE_CREDENTIAL_{name}"
        super().__init__(
            "credential-unknown",
            f"The agent worker has no credential {name!r}; set {variable} in its environment",
        )


class CredentialNameInvalid(StepError):
    def __init__(self) -> None:
        super().__init__(
            "credential-unknown", "The name of a credential is made of upper-case letters, digits and _; rename it"
        )


class ProviderNotConfigured(StepError):
    """`wanted` are sentences: a model, and the variables that would configure it."""

    def __init__(self, wanted: Sequence[str]) -> None:
        super().__init__(
            "provider-not-configured",
            f"No model is configured in the agent worker's environment: {'; '.join(wanted)}",
        )


class RegionMissing(StepError):
    def __init__(self) -> None:
        super().__init__(
            "aws-region-missing", "Bedrock needs a region; set AWS_REGION or AWS_DEFAULT_REGION for the agent worker"
        )


class BaseNotTaken(StepError):
    """Only providers that take a single key may be sent elsewhere: others would bring keys of the environment along."""

    def __init__(self, provider: str) -> None:
        super().__init__(
            "provider-bad-request",
            f"`api_base` is not taken for provider {provider!r}; spell a server that speaks OpenAI's format "
            "as `openai/<model>`, or let the operator set the provider's address in the agent worker's environment",
        )


class ProviderUnknown(StepError):
    def __init__(self, model: str) -> None:
        super().__init__(
            "provider-bad-request",
            f"Nobody knows whose model {model!r} is; write `provider/model`, or give `provider_type` or `api_base`",
        )


class AnswerWithheld(StepError):
    def __init__(self, model: str) -> None:
        super().__init__("content-filtered", f"The provider's content filter withheld the answer of model {model!r}")


class ToolsNotTaken(StepError):
    def __init__(self, model: str) -> None:
        super().__init__(
            "provider-bad-request", f"Model {model!r} takes no tools; choose another model, or leave out the tools"
        )


class HostNotAllowed(StepError):
    """`why` follows the host in a sentence."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(
            "host-not-allowed",
            f"{what} may not be called: {why} (WORKFLOW_ENGINE_AGENTS__ALLOWED_HOSTS lists what is allowed)",
        )


class PriceUnknown(StepError):
    def __init__(self, model: str) -> None:
        super().__init__(
            "price-unknown",
            f"A cost limit applies and no price of {model!r} is known; "
            "give `price` with the agent: {input_per_million, output_per_million} in USD",
        )


class CostLimitReached(StepError):
    def __init__(self, left: float) -> None:
        super().__init__(
            "agent-cost-limit",
            f"The next call could cost more than the {left:.6g} USD that the agent's limit leaves; "
            "raise `max_cost_usd`",
        )


class TokenLimitReached(StepError):
    def __init__(self, left: int) -> None:
        super().__init__(
            "agent-token-limit",
            f"The next call could take more than the {left} tokens that the agent's limit leaves; "
            "raise `max_total_tokens`",
        )


class CallTimedOut(StepError):
    def __init__(self, what: str, seconds: float) -> None:
        super().__init__("provider-timeout", f"{what} did not answer within {seconds:g} seconds")


class AnswerUnreadable(StepError):
    def __init__(self, why: str) -> None:
        super().__init__("provider-invalid-response", f"The provider's answer cannot be used: {why}")


class StreamDropped(StepError):
    def __init__(self) -> None:
        super().__init__("provider-unavailable", "The provider ended its stream before the answer was complete")


class McpServerUnknown(StepError):
    def __init__(self, name: str) -> None:
        super().__init__(
            "mcp-server-unknown",
            f"The agent worker knows no MCP server {name!r}; an administrator names it in "
            "WORKFLOW_ENGINE_AGENTS__MCP_SERVERS, or the agent gives a URL",
        )


class McpUnavailable(StepError):
    def __init__(self, server: str, why: str) -> None:
        super().__init__("mcp-unavailable", f"MCP server {server!r} failed: {why}")


class McpToolUnknown(StepError):
    def __init__(self, server: str, tool: str) -> None:
        super().__init__("mcp-tool-unknown", f"MCP server {server!r} has no tool {tool!r}")
