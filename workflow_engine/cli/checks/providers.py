"""Providers of models by what is in the environment: names, and never what is in a key."""

from collections.abc import Iterator, Mapping
from typing import Final

from workflow_engine.agents.providers import CREDENTIAL_PREFIX, configured
from workflow_engine.agents.worker_command import has_something_to_call
from workflow_engine.cli.checks.finding import Finding, ok, warn
from workflow_engine.settings import Settings

_WITHOUT: Final = {
    "never": "agent steps without one fail (WORKFLOW_ENGINE_SIMULATION=never)",
    "fallback": "agent steps without one are simulated and marked so",
    "always": "everything is simulated (WORKFLOW_ENGINE_SIMULATION=always)",
}
_REGION: Final = "a region is missing"


def check_providers(environment: Mapping[str, str], settings: Settings) -> Iterator[Finding]:
    for status in configured(environment):
        if status.configured and _REGION in status.why:
            yield warn(status.name, status.why, "without a region every call of Bedrock fails")
        else:
            yield ok(status.name, f"{'configured' if status.configured else 'not configured'}: {status.why}")
    if names := _credentials(environment):
        yield ok("credentials", ", ".join(names))
    yield ok("agents", f"{_worker(environment, settings)}; {_WITHOUT[settings.simulation]}")


def _credentials(environment: Mapping[str, str]) -> list[str]:
    found = (name for name, value in environment.items() if name.startswith(CREDENTIAL_PREFIX) and value)
    return sorted(name.removeprefix(CREDENTIAL_PREFIX) for name in found)


def _worker(environment: Mapping[str, str], settings: Settings) -> str:
    if settings.agents.worker == "off":
        return "a server starts no agent worker (WORKFLOW_ENGINE_AGENTS__WORKER=off)"
    if settings.agents.worker == "on" or has_something_to_call(environment, settings):
        return "a server starts its agent worker"
    return "a server starts its agent worker when a step asks for it"
