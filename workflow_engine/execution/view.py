"""What the expressions of one step may read: the records of steps, and the roots of the document's scope."""

from collections.abc import Mapping

from workflow_engine.execution.execution import Execution
from workflow_engine.history.events import StepError
from workflow_engine.history.statuses import StepStatus
from workflow_engine.jsontext import Json


class View:
    """The scope of one body, seen from one step. Hands out references into the state, never copies."""

    __slots__ = ("_caught", "_caught_from", "_execution", "_prefix")

    def __init__(
        self, execution: Execution, prefix: str, caught: StepError | None = None, caught_from: str | None = None
    ) -> None:
        self._execution = execution
        self._prefix = prefix
        self._caught = caught
        self._caught_from = caught_from

    def step(self, step_id: str) -> Mapping[str, Json]:
        step = self._execution.state.steps.get(self._prefix + step_id)
        if step is None:
            return {"status": "pending"}
        if step.status is StepStatus.COMPLETED:
            return {"status": "completed", "output": step.output}
        if step.status is StepStatus.FAILED and step.error is not None:
            return {"status": "failed", "error": {"code": step.error.code, "message": step.error.message}}
        return {"status": str(step.status)}

    def root(self, name: str) -> Json:
        match name:
            case "input":
                return self._execution.started.input
            case "global":
                return self._execution.plan.global_config
            case "execution":
                return {"id": self._execution.id}
            case "workflow":
                return {"name": self._execution.plan.name, "version": self._execution.plan.version}
            case "error":
                return self._error()
            case _:
                return None

    def _error(self) -> Json:
        if self._caught is None:
            return None
        caught = self._caught
        return {"code": caught.code, "message": caught.message, "details": caught.details, "step_id": self._caught_from}
