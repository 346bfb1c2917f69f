"""Figures count what was committed, with labels that stay bounded, at a cost the hot path can bear."""

import time
from collections.abc import Mapping

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.error_log import MOST_TYPES
from workflow_engine.engine.metrics import BOUNDS, Metrics, Spread
from workflow_engine.history.events import StepCompleted, StepError, StepFailed
from workflow_engine.journal.contract import Commit
from workflow_engine.runtime.live import Live

HELLO = {"name": "w", "steps": [{"step_id": "a", "step_type": "data_input"}]}
BAD = {"step_id": "a", "step_type": "data_processing", "config": {"processing_type": "nonsense"}}


def samples(metrics: Metrics) -> dict[str, float]:
    """The text as Prometheus reads it: a name with its labels -> a value."""
    lines = metrics.render().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


async def run(engine: Engine, document: Mapping[str, object]) -> None:
    accepted = await engine.executions.start(LOCAL, dict(document))  # type: ignore[arg-type]  # JSON, written as a literal
    await engine.executions.wait(LOCAL, accepted.execution_id, 10)


async def seen() -> Live:
    """An execution that ended, as an observer sees it."""
    lives: list[Live] = []
    async with Engine.open("memory://", observers=[lambda live, _commit: lives.append(live)]) as engine:
        await run(engine, HELLO)
    return lives[0]


async def test_executions_and_steps_are_counted_by_how_they_ended() -> None:
    metrics = Metrics()
    async with Engine.open("memory://", observers=[metrics.observe]) as engine:
        metrics.attach(engine.face)
        await run(engine, HELLO)
        await run(engine, {"name": "w", "steps": [BAD]})
        found = samples(metrics)
    assert found['workflow_executions_total{status="completed",workflow_id=""}'] == 1
    assert found['workflow_executions_total{status="failed",workflow_id=""}'] == 1
    assert found['step_executions_total{status="completed",step_type="data_input"}'] == 1
    assert found['step_executions_total{status="failed",step_type="data_processing"}'] == 1
    assert found['errors_total{component="step",error_type="invalid-config"}'] == 1
    assert found['workflow_execution_duration_seconds_count{workflow_id=""}'] == 2
    assert found["active_executions"] == 0


async def test_only_saved_workflows_make_a_label() -> None:
    metrics = Metrics()
    async with Engine.open("memory://", observers=[metrics.observe]) as engine:
        metrics.attach(engine.face)
        await engine.workflows.save(LOCAL, dict(HELLO), "saved")  # type: ignore[arg-type]  # JSON, written as a literal
        for workflow_id in ("saved", "made up"):
            await run(engine, {**HELLO, "workflow_id": workflow_id})
        found = samples(metrics)
    assert found['workflow_executions_total{status="completed",workflow_id="saved"}'] == 1
    assert found['workflow_executions_total{status="completed",workflow_id=""}'] == 1


async def test_error_codes_beyond_a_number_are_one() -> None:
    metrics = Metrics()
    live = await seen()
    for number in range(MOST_TYPES + 50):
        failed = StepFailed(0.0, "a", 1, StepError(f"code-{number}", "it failed"), 1.0)
        metrics.observe(live, Commit("default", live.id, 1, (failed,)))
    found = samples(metrics)
    assert found['errors_total{component="step",error_type="other"}'] == 50
    assert len([name for name in found if name.startswith("errors_total{")]) == MOST_TYPES + 1


def test_two_engines_in_one_process_do_not_share_figures() -> None:
    one, other = Metrics(), Metrics()
    one.fault("Bug")
    assert 'errors_total{component="server",error_type="Bug"}' in samples(one)
    assert 'errors_total{component="server",error_type="Bug"}' not in samples(other)


@pytest.mark.parametrize(("seconds", "bound"), [(0.0, "0.001"), (0.001, "0.001"), (0.002, "0.0025"), (1e6, "+Inf")])
def test_a_duration_counts_from_its_bound_upwards(seconds: float, bound: str) -> None:
    spread = Spread()
    spread.add(seconds)
    buckets = spread.buckets()
    assert next(upper for upper, count in buckets if count) == bound
    assert buckets[-1] == ("+Inf", 1.0)
    assert len(buckets) == len(BOUNDS) + 1


async def test_counting_a_step_costs_the_hot_path_almost_nothing() -> None:
    """Less than 3 us a step where this was written; ten times that fails on any machine only if something is wrong."""
    metrics = Metrics()
    live = await seen()
    commits = [Commit("default", live.id, 1, (StepCompleted(0.0, "a", 1, {}, 1.5),)) for _ in range(10_000)]
    begun = time.process_time()
    for commit in commits:
        metrics.observe(live, commit)
    assert (time.process_time() - begun) / len(commits) < 30e-6
