"""Workflow Engine: JSON workflows, run durably. `Engine` embeds it; `workflow-engine serve` runs it as a server."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflow_engine.assembly import Engine
    from workflow_engine.engine.caller import LOCAL, Caller

__all__ = ["LOCAL", "Caller", "Engine"]


def __getattr__(name: str) -> object:
    """The parts are imported when somebody asks for them: the command line starts without a database library."""
    if name == "Engine":
        from workflow_engine.assembly import Engine

        return Engine
    if name in ("LOCAL", "Caller"):
        from workflow_engine.engine import caller

        return getattr(caller, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
