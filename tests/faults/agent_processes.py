"""The server of the fault test of agents, the worker it keeps, and the workers it left behind."""

import json
import signal
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from tests.faults.agent_orders import TooQuiet
from tests.serving.process import ServerProcess

PATIENCE_SECONDS: Final = 90.0
PLUGINS: Final = Path(__file__).parent / "agent_plugins"
STARTED: Final = "the agent worker is started"
SETTINGS: Final = {
    # PostgreSQL takes a moment to see that a dead engine let go of its lock.
    "storage__standby": True,
    "plugin_folder": PLUGINS,
    "agents__worker": "on",
    "agents__worker_restart_seconds": 0.05,
    "agents__worker_restart_most_seconds": 0.05,
}
A_KEY: Final = "sk-a-key-of-nobody"
LOOK_SECONDS: Final = 0.2
LONGEST_ORPHAN_SECONDS: Final = 60.0


class Outlived(Exception):
    """A worker whose server is dead does not go."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"worker {pid} is still there {LONGEST_ORPHAN_SECONDS:.0f} s after the death of its server")


class AgentServer(ServerProcess):
    """A server whose agent worker calls the provider at `api_base`."""

    def __init__(self, database_url: str, folder: Path, api_base: str) -> None:
        provider = {"OPENAI_API_KEY": A_KEY, "OPENAI_API_BASE": api_base}
        super().__init__(database_url, folder, SETTINGS, surroundings=provider)
        self._watching = ThreadPoolExecutor()
        self._left_behind: list[Future[float]] = []

    def __exit__(self, *failure: Any) -> None:  # noqa: ANN401 - what the base takes
        super().__exit__(*failure)
        self._watching.shutdown()

    def worker_pid(self) -> int:
        """The worker of now: the one that was started last."""
        said = [json.loads(line) for line in self.log.splitlines() if line.startswith("{") and STARTED in line]
        pid: int = said[-1]["pid"]
        return pid

    def die(self, number: signal.Signals) -> None:
        """Send what kills it, and wait for that. The worker it leaves behind is watched until it is gone."""
        worker = self.worker_pid()
        self.send(number)
        self.wait_for_end(PATIENCE_SECONDS)
        self._left_behind.append(self._watching.submit(_outlives, worker))

    def orphans_outlived(self) -> float:
        """How long the longest-lived worker outlived its server, in seconds. Raises `Outlived`."""
        return max((each.result() for each in self._left_behind), default=0.0)

    # --- executions

    def resume_all(self) -> int:
        """Resume what was set aside because the server died so often beside it; answers how many."""
        aside = self.client.executions("status=paused&limit=500")
        for each in aside:
            assert each["reason"] == "quarantined", each
            assert self.client.post(f"/executions/{each['execution_id']}/resume").status == 200
        return len(aside)

    def settle(self) -> int:
        """Wait until nothing is open, and resume what is set aside meanwhile; answers how many."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        resumed = 0
        while self.client.executions("status=pending,running,waiting,paused&limit=500"):
            if time.monotonic() > deadline:
                raise TooQuiet(f"for all executions to end: {self.explained()}", self.log)
            resumed += self.resume_all()
            time.sleep(0.1)
        return resumed

    def explained(self) -> list[Any]:
        """Why each open execution is not further, and why each that failed did."""
        still = self.client.executions("status=pending,running,waiting,paused&limit=500")
        failed = self.client.executions("status=failed&limit=500")
        return [
            *(self.client.get(f"/executions/{each['execution_id']}/explain").body for each in still),
            *(self.client.get(f"/executions/{each['execution_id']}/results").body["error"] for each in failed),
        ]


def _outlives(pid: int) -> float:
    """Seconds until this process is gone, as exactly as it is looked at."""
    begun = time.monotonic()
    while _is_alive(pid):
        if time.monotonic() - begun > LONGEST_ORPHAN_SECONDS:
            raise Outlived(pid)
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - begun


def _is_alive(pid: int) -> bool:
    """Not when only its remains are there, which the process that took it over has yet to clear away."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")
