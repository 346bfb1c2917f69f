"""Providers of models: which are configured, by whom, and how the process is that calls them. Names, never values.

Everything is in memory and answered at once: whether an agent step is simulated is decided inside a turn.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from workflow_engine.agents.providers import CREDENTIAL_PREFIX, Environment, ProviderStatus, configured
from workflow_engine.agents.supervisor import NO_WORKER, Life, WorkerState
from workflow_engine.agents.worker_command import WORKER_ID, has_something_to_call
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.engine.caller import Caller
from workflow_engine.steps.agent_steps import MODEL_CALL
from workflow_engine.steps.catalogue import BUILTIN_OWNER

LABEL: Final = "providers"
"""By this label an agent worker tells which providers it can ask, separated by commas."""
HERE: Final = "environment"


class Serving(Protocol):
    """Who serves a step type; `Workers` is one."""

    def serving(self, namespace: str, pin: str) -> Sequence[Session]:
        """The sessions that do now."""

    def absent(self, namespace: str, pin: str) -> Sequence[str]:
        """The ids of workers that did, and may come back to what they hold."""

    def was_served(self, namespace: str, pin: str) -> bool:
        """Whether somebody did since the start, and nobody does now."""


@dataclass(frozen=True, slots=True)
class ProviderView:
    """`why` is a sentence: what configures it, or what to set. `sources`: who has it, `environment` (this server's) or
    `worker <id>`. `variables` are the names of what configures it.
    """

    name: str
    configured: bool
    why: str
    variables: tuple[str, ...]
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AgentWorkerView:
    """The server's own agent worker: `status` is off, idle (not needed yet), starting, running or restarting, since
    when (UTC epoch seconds), and how often it was started again. `connected` counts all that call models.
    """

    status: str
    since: float | None
    restarts: int
    connected: int


class Providers:
    """`environment` is that of the agent worker this server starts: empty where it starts none."""

    def __init__(self, environment: Environment, serving: Serving) -> None:
        self._environment = environment
        self._serving = serving
        kept = WorkerState(Life.STARTING) if has_something_to_call(environment) else NO_WORKER
        self._state: Callable[[], WorkerState] = lambda: kept

    def supervised(self, state: Callable[[], WorkerState]) -> None:
        """Who keeps the server's own agent worker, from now on."""
        self._state = state

    # --- asking

    def list(self, caller: Caller) -> tuple[ProviderView, ...]:
        """Every provider of the table, then what workers tell beside them, by name."""
        told = self._told(caller.namespace)
        table = [_view(status, told.get(status.name, ())) for status in configured(self._environment)]
        known = {view.name for view in table}
        others = [_told_of(name, told[name]) for name in sorted(told) if name not in known]
        return (*table, *others)

    def credentials(self, caller: Caller) -> tuple[str, ...]:
        """The names of the credentials that agents may name, in order."""
        found = (name for name, value in self._environment.items() if name.startswith(CREDENTIAL_PREFIX) and value)
        return tuple(sorted(name.removeprefix(CREDENTIAL_PREFIX) for name in found))

    def worker(self, caller: Caller) -> AgentWorkerView:
        state, sessions = self._state(), self._serving.serving(caller.namespace, MODEL_CALL.pin)
        is_there = any(session.principal == BUILTIN_OWNER for session in sessions)
        status = Life.STARTING if state.life is Life.RUNNING and not is_there else state.life
        return AgentWorkerView(status.value, state.since, state.restarts, len(sessions))

    # --- what simulation asks

    def is_configured(self, provider: str, namespace: str) -> bool:
        """By the environment here, or as a connected agent worker tells."""
        here = any(status.configured for status in configured(self._environment) if status.name == provider)
        return here or provider in self._told(namespace)

    def is_served(self, namespace: str) -> bool:
        """Whether calls of models find a worker: one that is connected or expected back, or one this server keeps."""
        return self._state().life not in (Life.OFF, Life.IDLE) or self.is_elsewhere(namespace)

    def is_elsewhere(self, namespace: str) -> bool:
        """Whether a worker that this server did not start calls models, or is expected back: it knows best what it has.

        The workers of before count until their leases have run out, so that a restart simulates nothing.
        """
        if any(session.principal != BUILTIN_OWNER for session in self._serving.serving(namespace, MODEL_CALL.pin)):
            return True
        if any(worker_id != WORKER_ID for worker_id in self._serving.absent(namespace, MODEL_CALL.pin)):
            return True
        # One that is gone is an outage, and its steps wait: nothing is simulated because of it.
        keeps_one = self._state().life not in (Life.OFF, Life.IDLE)
        return not keeps_one and self._serving.was_served(namespace, MODEL_CALL.pin)

    def _told(self, namespace: str) -> Mapping[str, tuple[str, ...]]:
        """Provider -> the ids of the workers that tell of it. This server's own tells what stands here already."""
        found: dict[str, tuple[str, ...]] = {}
        for session in self._serving.serving(namespace, MODEL_CALL.pin):
            if session.principal != BUILTIN_OWNER:
                for name in filter(None, map(str.strip, session.hello.labels.get(LABEL, "").split(","))):
                    found[name] = (*found.get(name, ()), session.worker_id)
        return found


def _view(status: ProviderStatus, workers: Sequence[str]) -> ProviderView:
    if not workers:
        return ProviderView(status.name, status.configured, status.why, status.variables, _here(status))
    why = status.why if status.configured else _at(workers)
    return ProviderView(status.name, True, why, status.variables, _here(status) + _ids(workers))


def _told_of(name: str, workers: Sequence[str]) -> ProviderView:
    return ProviderView(name, True, _at(workers), (), _ids(workers))


def _here(status: ProviderStatus) -> tuple[str, ...]:
    return (HERE,) if status.configured else ()


def _ids(workers: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"worker {each}" for each in workers)


def _at(workers: Sequence[str]) -> str:
    return f"configured at {', '.join(_ids(workers))}"
