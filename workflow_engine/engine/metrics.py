"""Figures for Prometheus. The home of prometheus_client.

Counting happens on the hot path, after every commit, so it is plain integers on the loop; the library only turns them
into text when somebody scrapes, and is imported then. Labels stay bounded: step types are those registered, a
workflow's id counts only when it is saved, error codes beyond a number are one.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from workflow_engine.engine.error_log import MOST_TYPES, OTHER
from workflow_engine.engine.face import Face
from workflow_engine.engine.workers import Load
from workflow_engine.history.events import (
    ExecutionCancelled,
    ExecutionCompleted,
    ExecutionFailed,
    StepCancelled,
    StepCompleted,
    StepError,
    StepFailed,
    StepRetrying,
    StepSkipped,
)
from workflow_engine.history.statuses import ExecutionStatus, StepStatus
from workflow_engine.journal.contract import Commit
from workflow_engine.runtime.live import Live

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

CONTENT_TYPE: Final = "text/plain; version=1.0.0; charset=utf-8"
BOUNDS: Final = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    3600.0,
)
"""Upper bounds of the histograms, in seconds."""


class Spread:
    """How durations spread over the bounds."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS, seconds)] += 1
        self.seconds += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative, as Prometheus wants them."""
        running, found = 0, []
        for bound, count in zip((*map(str, BOUNDS), "+Inf"), self.counts, strict=True):
            running += count
            found.append((bound, float(running)))
        return found


class Metrics:
    def __init__(self) -> None:
        self._face: Face | None = None
        self._executions: Counter[tuple[str, str]] = Counter()
        self._execution_seconds: defaultdict[str, Spread] = defaultdict(Spread)
        self._steps: Counter[tuple[str, str]] = Counter()
        self._step_seconds: defaultdict[str, Spread] = defaultdict(Spread)
        self._retries: Counter[str] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._registry: CollectorRegistry | None = None

    def attach(self, face: Face) -> None:
        """Tell it of the engine whose commits it observes: for gauges, and for which workflows are saved."""
        self._face = face

    def observe(self, live: Live, commit: Commit) -> None:
        for event in commit.events:
            count = _COUNTED.get(type(event))
            if count is not None:
                count(self, live, event)

    def fault(self, error_type: str) -> None:
        """An exception in the server that nobody expected."""
        self._count_error("server", error_type)

    # --- counting

    def _step_completed(self, live: Live, event: StepCompleted) -> None:
        self._count_attempt(live, event.path, StepStatus.COMPLETED, event.duration_ms)

    def _step_failed(self, live: Live, event: StepFailed) -> None:
        self._count_attempt(live, event.path, StepStatus.FAILED, event.duration_ms)
        self._count_error("step", event.error.code)

    def _count_attempt(self, live: Live, path: str, status: StepStatus, milliseconds: float) -> None:
        step_type = _type_of(live, path)
        self._steps[step_type, status.value] += 1
        self._step_seconds[step_type].add(milliseconds / 1000)

    def _step_skipped(self, live: Live, event: StepSkipped) -> None:
        self._steps[_type_of(live, event.path), StepStatus.SKIPPED.value] += 1

    def _step_cancelled(self, live: Live, event: StepCancelled) -> None:
        self._steps[_type_of(live, event.path), StepStatus.CANCELLED.value] += 1

    def _step_retrying(self, live: Live, event: StepRetrying) -> None:
        self._retries[_type_of(live, event.path)] += 1

    def _execution_completed(self, live: Live, event: ExecutionCompleted) -> None:
        self._count_end(live, ExecutionStatus.COMPLETED, event.at)

    def _execution_failed(self, live: Live, event: ExecutionFailed) -> None:
        self._count_end(live, ExecutionStatus.FAILED, event.at, event.error)

    def _execution_cancelled(self, live: Live, event: ExecutionCancelled) -> None:
        self._count_end(live, ExecutionStatus.CANCELLED, event.at)

    def _count_end(self, live: Live, status: ExecutionStatus, at: float, error: StepError | None = None) -> None:
        workflow = self._saved_workflow(live)
        self._executions[workflow, status.value] += 1
        self._execution_seconds[workflow].add(max(at - live.record.started_at, 0.0))
        if error is not None:
            self._count_error("execution", error.code)

    def _saved_workflow(self, live: Live) -> str:
        """A document that is sent with a start may name any id, so only saved ones make a label."""
        named = live.record.workflow_id
        if named is None or self._face is None or not self._face.workflows.is_saved(live.namespace, named):
            return ""
        return named

    def _count_error(self, component: str, code: str) -> None:
        known = (component, code) in self._errors or len(self._errors) < MOST_TYPES
        self._errors[component, code if known else OTHER] += 1

    # --- telling

    def render(self) -> bytes:
        """Everything in the Prometheus text format."""
        from prometheus_client import generate_latest  # 30 ms that a start need not wait for

        if self._registry is None:
            self._registry = _registry_of(self)
        return generate_latest(self._registry)

    def families(self) -> list["Metric"]:
        """What was counted, and how the engine is now."""
        from prometheus_client.core import CounterMetricFamily

        counters = (
            ("workflow_executions", "Executions that ended.", ("workflow_id", "status"), self._executions),
            ("step_executions", "Steps that ended.", ("step_type", "status"), self._steps),
            ("errors", "Failures by their code.", ("component", "error_type"), self._errors),
        )
        found: list[Metric] = []
        for name, words, labels, counts in counters:
            family = CounterMetricFamily(name, words, labels=labels)
            for values, count in counts.items():
                family.add_metric(values, count)
            found.append(family)
        retries = CounterMetricFamily("step_retries", "Attempts that failed and were retried.", labels=("step_type",))
        for step_type, count in self._retries.items():
            retries.add_metric((step_type,), count)
        return [
            *found,
            retries,
            _histogram("workflow_execution_duration_seconds", "workflow_id", self._execution_seconds),
            _histogram("step_execution_duration_seconds", "step_type", self._step_seconds),
            *self._gauges(),
        ]

    def _gauges(self) -> Iterator["Metric"]:
        from prometheus_client.core import GaugeMetricFamily

        if self._face is None:
            return
        pulse = self._face.vitals.pulse()
        yield GaugeMetricFamily("active_executions", "Executions that have not ended.", pulse.open_executions)
        yield GaugeMetricFamily("executions_in_memory", "Open executions that are in memory.", pulse.in_memory)
        yield GaugeMetricFamily("steps_running", "Steps running in this process.", pulse.steps_running)
        yield GaugeMetricFamily("steps_queued", "Steps that wait for a place in this process.", pulse.steps_queued)
        yield from _of_workers(self._face.workers.load())
        yield GaugeMetricFamily("ready", "1 once recovery is done.", int(pulse.ready))


def _of_workers(load: Load) -> Iterator["Metric"]:
    from prometheus_client.core import GaugeMetricFamily

    yield GaugeMetricFamily("workers_connected", "Workers that are connected.", load.connected)
    yield GaugeMetricFamily("worker_steps_in_flight", "Steps that connected workers have.", load.in_flight)
    waiting = GaugeMetricFamily("worker_steps_waiting", "Steps that wait for a worker.", labels=("step_type",))
    for step_type, count in load.waiting.items():
        waiting.add_metric((step_type,), count)
    yield waiting
    quarantined = GaugeMetricFamily("step_type_quarantined", "1 while nothing is handed out.", labels=("step_type",))
    for step_type in load.quarantined:
        quarantined.add_metric((step_type,), 1)
    yield quarantined


def _type_of(live: Live, path: str) -> str:
    return live.execution.planned(path).type.name


def _histogram(name: str, label: str, spreads: Mapping[str, Spread]) -> "Metric":
    from prometheus_client.core import HistogramMetricFamily

    family = HistogramMetricFamily(name, "From its start to its end, in seconds.", labels=(label,))
    for value, spread in spreads.items():
        family.add_metric((value,), spread.buckets(), spread.seconds)
    return family


class _Collector:
    """What prometheus_client asks at every scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> list["Metric"]:
        return self._metrics.families()


def _registry_of(metrics: Metrics) -> "CollectorRegistry":
    """A registry of our own, so that two engines in one process do not meet in a global one."""
    from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

    registry = CollectorRegistry()
    registry.register(_Collector(metrics))
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    return registry


_COUNTED: Final[Mapping[type, Callable[[Metrics, Live, Any], None]]] = {
    StepCompleted: Metrics._step_completed,
    StepFailed: Metrics._step_failed,
    StepSkipped: Metrics._step_skipped,
    StepCancelled: Metrics._step_cancelled,
    StepRetrying: Metrics._step_retrying,
    ExecutionCompleted: Metrics._execution_completed,
    ExecutionFailed: Metrics._execution_failed,
    ExecutionCancelled: Metrics._execution_cancelled,
}
