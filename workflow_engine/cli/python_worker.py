"""The Python client as the command line uses it: a package of its own, which travels with this one."""

import importlib
from typing import Any

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.layout import CLIENT, IncompleteInstallation, make_client_findable
from workflow_engine.logs import configure


class ClientNotInstalled(WorkflowEngineError):
    """Neither installed nor where it travels with this package."""

    code = "client-not-installed"

    def __init__(self) -> None:
        super().__init__("workers in Python need the package workflow_client; install workflow-engine again, it has it")


class WorkerFailed(WorkflowEngineError):
    """What the client says of a worker that cannot run."""

    code = "worker-failed"


def serve_module(module: str, *, target: str | None, slots: int | None, api_key: str | None) -> None:
    """Until it is drained. Raises `ClientNotInstalled`, `WorkerFailed`."""
    try:
        make_client_findable()
    except IncompleteInstallation:
        raise ClientNotInstalled from None
    client, errors = _client("cli"), _client("errors")
    configure("console", "info")
    try:
        client.run_module(module, target=target, slots=slots, api_key=api_key)
    except errors.WorkerError as failure:
        raise WorkerFailed(str(failure)) from None


def _client(name: str) -> Any:  # noqa: ANN401 - a module that is found at run time
    return importlib.import_module(f"{CLIENT}.{name}")
