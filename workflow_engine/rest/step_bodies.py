"""What is answered about the registration of step types, as JSON."""

from typing import TYPE_CHECKING

from typing_extensions import TypedDict

from workflow_engine.engine.breakages import Breakage
from workflow_engine.engine.steps import RegisteredAll
from workflow_engine.rest.wire import ProblemBody

if TYPE_CHECKING:
    from workflow_engine.jsontext import JsonObject
else:  # Pydantic makes JSON Schemas of these shapes, and would follow the recursive alias without end.
    JsonObject = dict


class BreakageBody(TypedDict):
    """What `step_type` (`name@version`) breaks: a saved workflow, or an open execution; the other of the two is null.

    The pointers of `problems` lead into its document.
    """

    step_type: str
    workflow_id: str | None
    execution_id: str | None
    problems: list[ProblemBody]


class RegisteredBody(TypedDict):
    """`changed`: false when this contract was registered already; `warnings`: what a new major version breaks.

    `breaks` lists the saved workflows and open executions that it breaks, or would break in a dry run;
    `breaks_truncated`: there are more of them than are looked at or listed.
    """

    step_id: str
    message: str
    version: str
    changed: bool
    warnings: list[str]
    breaks: list[BreakageBody]
    breaks_truncated: bool


class StepListBody(TypedDict):
    steps: list[JsonObject]
    total: int


class ResetBody(TypedDict):
    """`reset`: how many versions were quarantined until now."""

    reset: int


def registered_body(done: RegisteredAll, *, dry_run: bool) -> RegisteredBody:
    """What came of the one contract that was sent."""
    (registered,) = done.steps
    return {
        "step_id": registered.step_id,
        "message": "Dry run: nothing was registered" if dry_run else "Step registered successfully",
        "version": registered.version,
        "changed": registered.changed,
        "warnings": list(registered.warnings),
        "breaks": [_breakage_body(each) for each in done.breaks],
        "breaks_truncated": done.truncated,
    }


def _breakage_body(breakage: Breakage) -> BreakageBody:
    return {
        "step_type": breakage.step_type,
        "workflow_id": breakage.workflow_id,
        "execution_id": breakage.execution_id,
        "problems": [
            {"code": each.code, "message": each.message, "pointer": each.pointer} for each in breakage.problems
        ],
    }
