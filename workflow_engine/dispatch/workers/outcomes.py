"""From what a worker sent as a result to what the execution is told: the gate on the way back."""

import math
from dataclasses import dataclass

from workflow_engine.dispatch.failures import report_of
from workflow_engine.dispatch.gates import Gates
from workflow_engine.dispatch.workers.messages import Code, Failure, Output, Result, Suspend
from workflow_engine.errors import WorkflowEngineError
from workflow_engine.execution.advance import LONGEST_WAIT, is_a_wait
from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Failed, Succeeded
from workflow_engine.identifiers import SIGNAL_NAME
from workflow_engine.jsontext import Json, JsonLimits, read_strict
from workflow_engine.steps.contract import Completed, StepFailure, StepType, Suspended, Verdict

_CODES = {"payload-too-large": Code.PAYLOAD_TOO_LARGE, "contract-violation": Code.CONTRACT_VIOLATION}


@dataclass(frozen=True, slots=True)
class Reading:
    """What the execution is told, and what its sender hears when that is done."""

    report: Succeeded | Failed
    code: Code = Code.OK
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Reads results. Whatever is wrong with one becomes the failure of its attempt, and is told to its sender."""

    gates: Gates
    json_limits: JsonLimits
    max_inline_bytes: int

    def read(self, execution: Execution, result: Result, now: float, worker: str, since: float) -> Reading:
        """Raises `KeyError` when the execution has no such step."""
        step_type = execution.planned(result.lease.path).type
        path, delivery = result.lease.path, result.lease.delivery
        took = result.duration_ms if 0 < result.duration_ms < math.inf else (now - since) * 1000
        try:
            if isinstance(result.outcome, Failure):
                failure = self._failure(result.outcome)
                return Reading(report_of(path, delivery, failure, now, took, worker, since))
            verdict = self._verdict(step_type, result.outcome)
            return Reading(Succeeded(now, path, delivery, verdict, took, worker, since))
        except StepFailure as wrong:
            report = report_of(path, delivery, wrong, now, took, worker, since)
            return Reading(report, _CODES.get(wrong.error_code, Code.INVALID), wrong.message)

    def _verdict(self, step_type: StepType, outcome: Output | Suspend) -> Verdict:
        if isinstance(outcome, Suspend):
            return self._suspended(outcome)
        output = self._json(outcome.data, "result")
        return self.gates.check_read(step_type, Completed(output, outcome.simulated))

    def _suspended(self, outcome: Suspend) -> Suspended:
        """Raises `StepFailure` for a wait that nothing could end."""
        seconds, signal = outcome.seconds, outcome.signal or None
        if seconds is None and signal is None:
            raise StepFailure("contract-violation", "A suspension needs seconds, a signal, or both", retryable=False)
        if not is_a_wait(seconds):
            message = f"A step suspends itself for 0 to {LONGEST_WAIT:.0f} seconds"
            raise StepFailure("contract-violation", message, retryable=False)
        if signal is not None and not SIGNAL_NAME.fullmatch(signal):
            message = "The signal of a suspension has 1 to 128 visible ASCII characters; no other is ever accepted"
            raise StepFailure("contract-violation", message, retryable=False)
        return Suspended(seconds, signal, self._json(outcome.memo, "memo"))

    def _failure(self, outcome: Failure) -> StepFailure:
        return StepFailure(
            storable(outcome.code) or "step-failed",
            storable(outcome.message),
            retryable=outcome.retryable,
            details=self._json(outcome.details, "details"),
            retry_after=outcome.retry_after,
        )

    def _json(self, data: bytes, what: str) -> Json:
        if len(data) > self.max_inline_bytes:
            message = f"The {what} is {len(data)} bytes long; at most {self.max_inline_bytes} are allowed"
            raise StepFailure("payload-too-large", message, retryable=False)
        if not data:
            return None
        try:
            return read_strict(data, self.json_limits)
        except WorkflowEngineError as unreadable:
            raise StepFailure("contract-violation", f"The {what} is not JSON: {unreadable}", retryable=False) from None


def storable(text: str) -> str:
    """Both databases refuse NUL in a text."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
