"""The one place where the parts meet: from settings to a running engine, and back to rest."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

from workflow_engine.agents.preparing import PreparedAgents
from workflow_engine.agents.simulation import AgentFacts
from workflow_engine.bounds import (
    agent_ceilings,
    agent_defaults,
    definition_limits,
    journal_limits,
    journal_timeouts,
    json_limits,
    registration_limits,
    worker_terms,
)
from workflow_engine.clock import Clock, SystemClock
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.guarded_http import GuardedHttp
from workflow_engine.dispatch.local import FunctionOf, LocalSteps
from workflow_engine.dispatch.remote_call import RemoteCalls
from workflow_engine.dispatch.routes import Routes
from workflow_engine.dispatch.threads import StepThreads
from workflow_engine.dispatch.workers.desk import Desk
from workflow_engine.dispatch.workers.hearing import Hearing
from workflow_engine.dispatch.workers.outcomes import Outcomes
from workflow_engine.dispatch.workers.sessions import Sessions
from workflow_engine.dispatch.workers.tokens import Tokens
from workflow_engine.engine.acceptances import Acceptances
from workflow_engine.engine.agents import Agents
from workflow_engine.engine.breakages import Breakages
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.executions import Executions
from workflow_engine.engine.face import Face
from workflow_engine.engine.hosts import Hosts
from workflow_engine.engine.keys import PEPPER, Keys
from workflow_engine.engine.plans import Plans
from workflow_engine.engine.providers import Providers
from workflow_engine.engine.steps import Steps
from workflow_engine.engine.usage import Usage
from workflow_engine.engine.vitals import Vitals
from workflow_engine.engine.workers import Workers
from workflow_engine.engine.workflows import Workflows
from workflow_engine.journal.contract import Failpoints, Journal
from workflow_engine.journal.opening import journal_for
from workflow_engine.layout import plugins_folder
from workflow_engine.logs import logger
from workflow_engine.runtime.alarms import Alarms
from workflow_engine.runtime.crank import Crank, Observer
from workflow_engine.runtime.live import Live
from workflow_engine.runtime.loading import Loader
from workflow_engine.runtime.pruner import Pruner
from workflow_engine.runtime.recovery import Recovery
from workflow_engine.runtime.runtime import Runtime
from workflow_engine.runtime.tasks import is_outside
from workflow_engine.runtime.watchers import Watchers
from workflow_engine.settings import Settings, is_loopback
from workflow_engine.steps.agent_steps import WORKER_STEPS
from workflow_engine.steps.catalogue import Catalogue
from workflow_engine.steps.contract import OfferedStep, Simulation, StepFunction, StepType
from workflow_engine.steps.plugins import LoadedPlugins, load_plugins
from workflow_engine.steps.register_body import CALLED
from workflow_engine.steps.services import Services

log = logger(__name__)


@dataclass(frozen=True, slots=True)
class Ring:
    """The parts through which an execution goes round."""

    runtime: Runtime
    watchers: Watchers
    local: LocalSteps
    routes: Routes
    alarms: Alarms
    desk: Desk
    sessions: Sessions
    hearing: Hearing


@dataclass(frozen=True, slots=True)
class Parts:
    """What an engine is made of, as far as it must be started, stopped, or asked."""

    face: Face
    ring: Ring
    http: GuardedHttp
    plugins: LoadedPlugins
    recovery: Recovery
    pruner: Pruner


class Engine:
    """An engine without a server: open one, register functions as steps, run documents, watch them.

    async with Engine.open("sqlite:///./flows.db", steps=[shout]) as engine:
        accepted = await engine.executions.start(LOCAL, {"name": "hello", "steps": [...]})
        results = await engine.executions.wait(LOCAL, accepted.execution_id, 10)
    """

    def __init__(self, parts: Parts, journal: Journal) -> None:
        self._parts = parts
        self._journal = journal
        self.face = parts.face
        self.executions = parts.face.executions
        self.workflows = parts.face.workflows
        self.steps = parts.face.steps
        self.workers = parts.face.workers
        self.hosts = parts.face.hosts
        self.keys = parts.face.keys
        self.agents = parts.face.agents
        self.usage = parts.face.usage
        self.providers = parts.face.providers
        self.vitals = parts.face.vitals

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        url: str | None = None,
        *,
        steps: Sequence[OfferedStep] = (),
        settings: Settings | None = None,
        clock: Clock | None = None,
        observers: Sequence[Observer] = (),
        failpoints: Failpoints | None = None,
        check: Callable[[Face], None] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> AsyncIterator[Self]:
        """Take the database (made when it does not exist), recover what was open, and let go of it at the end.

        `url` wins over `settings.database_url`: `memory://`, `sqlite:///PATH`, `postgresql://...`. `steps` are the
        functions this program offers; what is recovered may need them at once. `check` sees what the database holds
        before anything runs, and may raise. `environment` is that of the agent worker which the program starts beside
        the engine; without one no provider of models is configured here. Raises `RefusedToStart`.
        """
        settings = settings or Settings()
        journal = journal_of(settings, url, failpoints)
        await journal.open()
        try:
            parts = await assemble(
                Surroundings(
                    settings,
                    journal,
                    clock or SystemClock(),
                    steps,
                    observers,
                    failpoints or Failpoints(),
                    environment or {},
                )
            )
            engine = cls(parts, journal)
            try:
                if check is not None:
                    check(parts.face)
                await parts.recovery.start()
                await parts.pruner.start()
                yield engine
            finally:
                await engine._come_to_rest(settings.shutdown_grace_seconds)
        finally:
            await journal.close()

    async def ready(self) -> None:
        """Wait until everything that was open is back."""
        await self._parts.recovery.done.wait()

    async def storage_lost(self) -> None:
        """Wait for the moment when this process must end, because its storage failed or belongs to another one."""
        await self._parts.ring.runtime.storage_lost.wait()

    @property
    def plugins(self) -> LoadedPlugins:
        return self._parts.plugins

    @property
    def journal(self) -> Journal:
        return self._journal

    async def _come_to_rest(self, grace_seconds: float) -> None:
        self._parts.ring.runtime.refuse_new()
        for duty in (self._parts.pruner, self._parts.recovery):
            await duty.stop()
        await self._parts.ring.routes.stop(grace_seconds)
        await self._parts.face.workers.stop()
        await self._parts.ring.runtime.close()
        await self._parts.http.aclose()


def journal_of(settings: Settings, url: str | None = None, failpoints: Failpoints | None = None) -> Journal:
    """The journal these settings name, not yet open."""
    return journal_for(
        url or settings.database_url,
        limits=journal_limits(settings),
        timeouts=journal_timeouts(settings),
        failpoints=failpoints,
        migrate=settings.storage.migrate,
        wait_for_ownership=settings.storage.standby,
    )


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine is given from outside."""

    settings: Settings
    journal: Journal
    clock: Clock
    steps: Sequence[OfferedStep] = ()
    observers: Sequence[Observer] = ()
    failpoints: Failpoints = field(default_factory=Failpoints)
    environment: Mapping[str, str] = field(default_factory=dict)


async def assemble(given: Surroundings) -> Parts:
    """Build the ring around an open journal, and the nouns around the ring."""
    settings, journal, clock = given.settings, given.journal, given.clock
    hosts = Hosts(journal, clock)
    http = GuardedHttp(
        hosts.patterns, allow_loopback=is_loopback(settings.host), max_calls=settings.outgoing.max_connections
    )
    facts = AgentFacts(
        given.environment,
        is_served=lambda namespace: face.providers.is_served(namespace),  # asked by steps, and then there is a face
        is_elsewhere=lambda namespace: face.providers.is_elsewhere(namespace),
    )
    agents = PreparedAgents(facts, agent_defaults(settings), agent_ceilings(settings))
    plugins = load_plugins(
        plugins_folder(),
        settings.plugins,
        settings.skip_broken_plugins,
        further=settings.plugin_folder,
        services=Services(http=http, agents=agents),
    )
    for broken in plugins.broken:
        log.warning("plugin skipped", plugin=broken.plugin, error=broken.why)
    catalogue = Catalogue([*plugins.steps, *given.steps], plugins.functions, clock.now(), by_workers=WORKER_STEPS)
    tokens = Tokens(await journal.secret("lease-tokens"))
    calls = RemoteCalls(
        http,
        await journal.secret("webhook-signing"),
        tokens,
        clock,
        max_response_bytes=settings.outgoing.max_response_bytes,
        default_timeout_seconds=settings.outgoing.timeout_seconds,
        json_limits=json_limits(settings),
    )
    plans = Plans(catalogue, definition_limits(settings))
    ring = _ring(given, plans, _functions(catalogue, calls), tokens)
    recovery = Recovery(journal, ring.runtime)
    keys = Keys(journal, await journal.secret(PEPPER), clock)
    face = _face(given, ring, plans, catalogue, hosts, keys, http, recovery)
    agents.connect(catalogue.resolve, face.agents.find)
    await face.steps.load()
    await face.workflows.load(LOCAL.namespace)
    await face.agents.load()
    await hosts.load(LOCAL.namespace)
    await keys.load()
    await face.workers.expect()
    return Parts(face, ring, http, plugins, recovery, _pruner(given))


def _functions(catalogue: Catalogue, calls: RemoteCalls) -> FunctionOf:
    """A step's function: what a plugin or this program offers, or the call of a URL."""

    def function_of(step_type: StepType) -> StepFunction | None:
        return calls.function(step_type) if step_type.execution_type in CALLED else catalogue.function(step_type)

    return function_of


def _ring(given: Surroundings, plans: Plans, function_of: FunctionOf, tokens: Tokens) -> Ring:
    settings, clock = given.settings, given.clock
    gates = Gates(settings.limits.max_result_bytes)
    loader = Loader(given.journal, plans.pinned, Simulation(settings.simulation))
    threads = StepThreads(settings.runtime.step_threads, settings.runtime.replacement_threads)
    local = LocalSteps(function_of, gates, clock, threads, settings.runtime.max_running_steps)
    runtime = Runtime(
        loader,
        clock,
        lambda live: _unheld(live, local),
        idle_after_seconds=settings.runtime.idle_after_seconds,
        max_open=settings.limits.max_open_executions,
    )
    desk = Desk(clock, tokens, worker_terms(settings))
    sessions = Sessions(desk)
    outcomes = Outcomes(gates, json_limits(settings), settings.workers.max_inline_bytes)
    routes = Routes(local, desk)
    watchers = Watchers(settings.limits.max_watcher_events)
    alarms = Alarms(clock, runtime.ring)
    crank = Crank(
        given.journal,
        clock,
        gates,
        local,
        routes,
        alarms,
        watchers,
        given.observers,
        given.failpoints,
        lost=runtime.lost,
        at_rest=runtime.at_rest,
    )
    local.report_to(runtime.report, desk.lend)
    runtime.connect(crank, alarms)
    desk.connect(runtime.deliver)
    return Ring(runtime, watchers, local, routes, alarms, desk, sessions, Hearing(desk, sessions, outcomes))


def _unheld(live: Live, local: LocalSteps) -> list[str]:
    """Running steps of this process that nobody here runs: what is lost after a restart, or given up at a stop."""
    return [
        step.path
        for step in live.execution.state.open.values()
        if step.is_at_work and not is_outside(live.execution, step.path) and not local.holds(live.id, step.path)
    ]


def _face(
    given: Surroundings,
    ring: Ring,
    plans: Plans,
    catalogue: Catalogue,
    hosts: Hosts,
    keys: Keys,
    http: GuardedHttp,
    recovery: Recovery,
) -> Face:
    settings, journal, clock = given.settings, given.journal, given.clock
    workflows = Workflows(journal, plans, clock)
    acceptances = Acceptances(
        journal, clock, settings.limits.idempotency_hours * 3600, settings.limits.max_idempotency_key_length
    )
    simulation = Simulation(settings.simulation)
    steps = Steps(
        journal,
        catalogue,
        clock,
        registration_limits(settings),
        http.objection,
        Breakages(journal, ring.runtime.live, definition_limits(settings), registration_limits(settings)),
    )
    workers = Workers(journal, ring.desk, ring.sessions, ring.hearing, steps, catalogue, clock)
    ring.sessions.connect(ring.runtime.bring, workers.gone)
    return Face(
        workflows=workflows,
        executions=Executions(
            journal, ring.runtime, ring.watchers, plans, workflows, acceptances, clock, simulation, ring.desk
        ),
        steps=steps,
        workers=workers,
        hosts=hosts,
        keys=keys,
        agents=Agents(journal, clock),
        usage=Usage(journal),
        providers=Providers(given.environment, workers),
        vitals=Vitals(ring.runtime, recovery.done.is_set, lambda: ring.local.busy, journal.url),
    )


def _pruner(given: Surroundings) -> Pruner:
    runtime = given.settings.runtime
    return Pruner(
        given.journal,
        given.clock,
        runtime.retention_days,
        runtime.prune_every_seconds,
        runtime.prune_batch,
        runtime.usage_retention_days,
    )
