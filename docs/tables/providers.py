"""The table of model providers: how a model is written, and what configures whom."""

from docs.tables.markdown import code, table
from workflow_engine.agents.providers import PROVIDERS, Provider


def providers() -> str:
    head = ["provider", "`provider_type`", "written for litellm", "models known by name", "configured by"]
    return table(head, [_row(provider) for provider in PROVIDERS])


def _row(provider: Provider) -> tuple[str, ...]:
    return (
        f"{provider.title} ({code(provider.name)})",
        ", ".join(code(name) for name in provider.types),
        f"{code(provider.prefix)} + model",
        ", ".join(code(f"{start}...") for start in provider.bare) or "none",
        ", or ".join(" with ".join(code(name) for name in way) for way in provider.ways),
    )
