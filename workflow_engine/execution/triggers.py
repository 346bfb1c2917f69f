"""Trigger rules: what the ends of its dependencies mean for a step. The names mean what they mean in Airflow."""

from collections.abc import Sequence
from enum import Enum, auto

from workflow_engine.definition.model import TriggerRule
from workflow_engine.history.statuses import StepStatus
from workflow_engine.history.steps import StepState


class Verdict(Enum):
    RUN = auto()
    SKIP = auto()
    UPSTREAM_FAILED = auto()


class _End(Enum):
    SUCCESS = auto()
    SKIPPED = auto()
    FAILED = auto()


def judge(rule: TriggerRule, dependencies: Sequence[StepState]) -> Verdict:
    """The rule over dependencies that have all ended. Without dependencies a step runs."""
    if not dependencies or rule is TriggerRule.ALL_DONE or all(s.status is StepStatus.COMPLETED for s in dependencies):
        return Verdict.RUN
    ends = [_end(step) for step in dependencies]
    if rule is TriggerRule.ONE_SUCCESS:
        return Verdict.RUN if _End.SUCCESS in ends else _otherwise(ends)
    if _End.FAILED in ends:
        return Verdict.UPSTREAM_FAILED
    if rule is TriggerRule.NONE_FAILED:
        return Verdict.RUN
    if rule is TriggerRule.ALL_SUCCESS:
        return Verdict.SKIP if _End.SKIPPED in ends else Verdict.RUN
    return Verdict.RUN if _End.SUCCESS in ends else Verdict.SKIP


def _otherwise(ends: Sequence[_End]) -> Verdict:
    return Verdict.UPSTREAM_FAILED if _End.FAILED in ends else Verdict.SKIP


def _end(step: StepState) -> _End:
    """A handled failure counts as skipped; a step skipped behind a failure counts as failed."""
    if step.status is StepStatus.COMPLETED:
        return _End.SUCCESS
    if step.status is StepStatus.SKIPPED:
        return _End.FAILED if step.upstream_failed else _End.SKIPPED
    return _End.SKIPPED if step.handled_by is not None else _End.FAILED
