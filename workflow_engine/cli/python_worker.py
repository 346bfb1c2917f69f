"""The Python client as the command line uses it: a package of its own, which the server does not need."""

import importlib
from typing import Any, Final

from workflow_engine.errors import WorkflowEngineError
from workflow_engine.logs import configure

_CLIENT: Final = "workflow_client"


class ClientNotInstalled(WorkflowEngineError):
    code = "client-not-installed"

    def __init__(self) -> None:
        super().__init__(
            "workers in Python need the package of clients/python; in a checkout, install it into the environment of "
            "this program: `pip install ./clients/python`"
        )


class WorkerFailed(WorkflowEngineError):
    """What the client says of a worker that cannot run."""

    code = "worker-failed"


def serve_module(module: str, *, target: str | None, slots: int | None, api_key: str | None) -> None:
    """Until it is drained. Raises `ClientNotInstalled`, `WorkerFailed`."""
    client, errors = _client("cli"), _client("errors")
    configure("console", "info")
    try:
        client.run_module(module, target=target, slots=slots, api_key=api_key)
    except errors.WorkerError as failure:
        raise WorkerFailed(str(failure)) from None


def _client(name: str) -> Any:  # noqa: ANN401 - a module that is found at run time, or not
    try:
        return importlib.import_module(f"{_CLIENT}.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != _CLIENT:
            raise
        raise ClientNotInstalled from None
