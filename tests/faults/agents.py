"""The fault test of agents: `python -m tests.faults.agents --kills 50 --database sqlite|postgresql --seed N`.

Agents of ten turns run on a real server and the agent worker it keeps, against a fake provider, while the worker, the
server, or both at once are killed with -9, at random moments and, every second server, at a failpoint. A kill counts
only when agents were in the middle of their turns. Afterwards `agent_evidence.violations` says which promises
were broken.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.agents.upstreams.upstream import Upstream
from tests.faults.agent_evidence import Evidence, violations
from tests.faults.agent_orders import Orders, TooQuiet
from tests.faults.agent_processes import PATIENCE_SECONDS, AgentServer
from tests.faults.agent_remains import gathered, longest_pause
from tests.faults.agent_script import TURNS, Model
from tests.postgresql import empty_schema, running_postgresql
from tests.serving.process import PRODUCT

WORKER: Final = "worker"
SERVER: Final = "server"
MACHINE: Final = "machine"
VICTIMS: Final = (WORKER, SERVER, WORKER, SERVER, MACHINE)
"""A server that dies leaves a worker behind, a machine takes both along."""
AT_ONCE: Final = 6
"""Agents that run at the same time."""
IN_THE_MIDDLE: Final = 2
"""A kill with fewer agents in the middle of their turns does not count."""
CALLS_BEFORE_A_KILL: Final = 6
"""Calls of the model that come in before anything is killed again: everybody is back at work."""
LONGEST_LIFE_SECONDS: Final = 1.0
"""How long the victim may live on from there."""
FAILPOINTS: Final = ("before-commit", "after-commit", "before-reply", "after-reply", "before-answer", "after-answer")
"""The last two are reached when an execution is started, and so less often."""
MOST_VISITS: Final = {"before-commit": 12, "after-commit": 12, "before-reply": 6, "after-reply": 6}


@dataclass(slots=True)
class Report:
    """What happened, in figures, and what should not have happened, in words."""

    seed: int
    kills: dict[str, int] = field(default_factory=dict)
    """Kills that counted, by what was killed and where."""
    in_the_middle: list[int] = field(default_factory=list)
    uncounted: int = 0
    back_after: dict[str, list[float]] = field(default_factory=dict)
    """Seconds from a kill until a model was asked again, by what was killed."""
    executions: int = 0
    turns: int = 0
    calls: int = 0
    runs: int = 0
    tool_calls: int = 0
    set_aside: int = 0
    longest_pause: float = 0.0
    """Seconds between two events of one execution."""
    orphans: float = 0.0
    """Seconds that the longest-lived worker outlived its server."""
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        kills = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items()))
        back = ", ".join(f"{name} {max(of):.1f} s" for name, of in sorted(self.back_after.items()))
        lines = [
            f"{len(self.in_the_middle)} kills ({kills}; {self.uncounted} more did not count), seed {self.seed}",
            f"at each at least {min(self.in_the_middle, default=0)} agents in the middle of their turns",
            f"{self.executions} executions of {TURNS} turns, {self.set_aside} set aside and resumed",
            f"{self.calls} calls of the provider for {self.turns} turns: {self.calls - self.turns} repeated",
            f"{self.runs} runs of the tool for {self.tool_calls} calls: {self.runs - self.tool_calls} repeated",
            f"longest pause {self.longest_pause:.1f} s; models were asked again at the latest after: {back}",
            f"the longest-lived orphan outlived its server by {self.orphans:.1f} s",
            *(f"VIOLATION: {line}" for line in self.violations),
            f"{len(self.violations)} violations, in {self.seconds:.0f} s",
        ]
        return "\n".join(lines)


def fault_test(database_url: str, folder: Path, kills: int, seed: int) -> Report:
    """Kill the worker and the server this often, then look at everything that is left."""
    report, begun, model = Report(seed), time.monotonic(), Model()
    log = folder / "runs.jsonl"
    with ExitStack() as stack:
        upstream = stack.enter_context(Upstream(model))
        server = stack.enter_context(AgentServer(database_url, folder, upstream.base("openai")))
        server.start()
        orders = stack.enter_context(Orders(server.client, model, str(log), AT_ONCE))
        killing = Killing(server, model, orders, report, random.Random(seed))
        while len(report.in_the_middle) < kills:
            if report.uncounted > kills:
                raise TooQuiet("for agents in the middle: most kills did not count", str(report))
            killing.once()
        done = orders.finish()
        report.set_aside = killing.set_aside + server.settle()
        evidence = gathered(server, database_url, done, log, upstream)
        report.orphans = server.orphans_outlived()
    _tell(report, evidence)
    report.seconds = time.monotonic() - begun
    return report


def _tell(report: Report, evidence: Evidence) -> None:
    report.violations = violations(evidence)
    report.executions, report.calls, report.runs = len(evidence.listed), len(evidence.shown), len(evidence.runs)
    ended = [path for agent in evidence.agents.values() for path in agent.ends]
    report.turns = sum(path.endswith(".model") for path in ended)
    report.tool_calls = sum(".tool" in path for path in ended)
    report.longest_pause = longest_pause(evidence)


@dataclass(slots=True)
class Killing:
    """One victim after the other; each is up again, or will be, when `once` returns."""

    server: AgentServer
    model: Model
    orders: Orders
    report: Report
    chance: random.Random
    set_aside: int = 0
    _kills: int = 0
    _deaths: int = 0
    """Those of servers alone."""

    def once(self) -> None:
        self._wait_for_calls()
        time.sleep(self.chance.uniform(0, LONGEST_LIFE_SECONDS))
        self._until(lambda: self.model.in_the_middle > IN_THE_MIDDLE)  # they may all have ended at the same time
        in_the_middle, victim = self.model.in_the_middle, VICTIMS[self._kills % len(VICTIMS)]
        where = self._kill(victim)
        killed, calls = time.monotonic(), self.model.calls
        if in_the_middle >= IN_THE_MIDDLE:
            self.report.in_the_middle.append(in_the_middle)
            self.report.kills[f"{victim} {where}"] = self.report.kills.get(f"{victim} {where}", 0) + 1
        else:
            self.report.uncounted += 1
        if not self.server.is_running:
            self._restart()
        self._until(lambda: self.model.calls > calls)
        self.report.back_after.setdefault(victim, []).append(time.monotonic() - killed)
        self._kills += 1

    def _kill(self, victim: str) -> str:
        """Where it was killed. A machine takes both along."""
        if victim in (WORKER, MACHINE):
            os.kill(self.server.worker_pid(), signal.SIGKILL)
        if victim == WORKER:
            return "at a random moment"
        is_product = self.server.program is PRODUCT
        where = "at a random moment" if is_product else self.server.program[-2]
        self.server.die(signal.SIGKILL if is_product or victim == MACHINE else signal.SIGUSR1)
        self._deaths += victim == SERVER
        return where if victim == SERVER else "at a random moment"

    def _restart(self) -> None:
        """Every second server is made to die at a failpoint, and is told which when it starts."""
        failpoint = FAILPOINTS[self._deaths // 2 % len(FAILPOINTS)]
        self.server.program = _failing(failpoint, self.chance) if self._deaths % 2 else PRODUCT
        self.server.start(PATIENCE_SECONDS)
        self.set_aside += self.server.resume_all()

    def _wait_for_calls(self) -> None:
        """The worker is back, and everybody at work."""
        calls = self.model.calls + CALLS_BEFORE_A_KILL
        self._until(lambda: self.model.calls >= calls and self.model.in_the_middle > IN_THE_MIDDLE)

    def _until(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not happened():
            self.orders.look()
            if time.monotonic() > deadline:
                where = f"for calls of the model: {self.model.calls} calls, {self.model.in_the_middle} in the middle"
                raise TooQuiet(f"{where}, open: {self.server.explained()}", self.server.log)
            time.sleep(0.005)


def _failing(failpoint: str, chance: random.Random) -> Sequence[str]:
    count = chance.randint(1, MOST_VISITS.get(failpoint, 1))
    return (sys.executable, "-m", "tests.serving.failing_server", failpoint, str(count))


# --- as a program


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.agents", description=__doc__)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workflow-engine-agents-")))
        url = f"sqlite:///{folder / 'agents.db'}"
        if given.database == "postgresql":
            url = stack.enter_context(empty_schema(stack.enter_context(running_postgresql())))
        report = fault_test(url, folder, given.kills, given.seed)
    sys.stdout.write(f"{given.database}: {report}\n")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
