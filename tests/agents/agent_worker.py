"""A server process and the agent worker's process beside it, asked for single calls of models and tools over REST."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.serving.process import CHECKOUT, ServerProcess, environment, server_processes

MODEL_CALL: Final = "agents.model_call"
MCP_TOOLS: Final = "agents.mcp_tools"
MCP_CALL: Final = "agents.mcp_call"
READY_SECONDS: Final = 90.0
"""The import of the library that reaches the providers takes most of it."""
POLL_SECONDS: Final = 0.05
CALL_SECONDS: Final = 10.0
WEATHER: Final = "How is the weather?"


class WorkerNotServing(Exception):
    def __init__(self, log: str) -> None:
        super().__init__(f"the agent worker does not serve:\n{log[-4_000:]}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one step ended: `output` of one that completed, else the code and the message of its failure."""

    execution_id: str
    output: Any
    code: str | None
    message: str
    seconds: float
    """From the start of the execution to its end."""


class AgentWorker:
    """The worker's process, and the server it works for."""

    def __init__(self, server: ServerProcess, process: subprocess.Popen[bytes], log: Path) -> None:
        self.server = server
        self.folder = log.parent
        """Everything that the two processes keep and print is below it."""
        self._process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    def call(self, step_type: str, asked: Mapping[str, Any], retries: int = 0) -> Outcome:
        """Run one step of this type with this input to its end."""
        step = {"step_id": "call", "step_type": step_type, "input_data": asked, "retry_delay_seconds": 0}
        begun = time.monotonic()
        execution = self.server.client.start({"name": "one call", "steps": [{**step, "max_retries": retries}]})
        results = self.server.client.results(execution, CALL_SECONDS * 2)
        seconds = time.monotonic() - begun
        result = results["step_results"]["call"]
        error = result["error"] or {}
        return Outcome(execution, result["output_data"], error.get("code"), error.get("message", ""), seconds)

    def ask(self, *models: Mapping[str, Any], question: str = WEATHER, retries: int = 0, **more: object) -> Outcome:
        """One call of the first of these models that answers."""
        messages = [{"role": "system", "content": "Be short."}, {"role": "user", "content": question}]
        asked = {"models": models, "messages": messages, "max_tokens": 100, "timeout_seconds": CALL_SECONDS}
        return self.call(MODEL_CALL, {**asked, **more}, retries)

    def wait_until_serving(self) -> None:
        """Raises `WorkerNotServing`."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._serves():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise WorkerNotServing(self.log)
            time.sleep(POLL_SECONDS)

    def _serves(self) -> bool:
        workers = self.server.client.get("/workers").body["workers"]
        return any(served.startswith(MODEL_CALL) for worker in workers for served in worker["steps"])

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def agent_worker(folder: Path, variables: Mapping[str, str], *options: str) -> Iterator[AgentWorker]:
    """Serving when this is entered. `variables` are the worker's alone; the server has none of them."""
    log = folder / "worker.log"
    with server_processes(folder) as serve:
        server = serve(f"sqlite:///{folder / 'agents.db'}", agents__worker="off").start()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "workflow_engine.agents.worker", "--server", server.grpc_address, *options],
                cwd=folder,
                env=environment({}) | {"PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'clients' / 'python'}"} | dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        worker = AgentWorker(server, process, log)
        try:
            worker.wait_until_serving()
            yield worker
        finally:
            worker.kill()
