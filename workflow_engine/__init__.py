"""Workflow Engine: JSON workflows, run durably. `Engine` embeds it; `workflow-engine serve` runs it as a server."""

from importlib import import_module

_HOMES = {
    "Engine": "workflow_engine.assembly",
    "Caller": "workflow_engine.engine.caller",
    "JsonObject": "workflow_engine.jsontext",
    "LOCAL": "workflow_engine.engine.caller",
    "OfferedStep": "workflow_engine.steps.contract",
    "StepFailure": "workflow_engine.steps.contract",
    "StepRequest": "workflow_engine.steps.contract",
    "StepType": "workflow_engine.steps.contract",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """The parts are imported when somebody asks for them: the command line starts without a database library."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
