"""The query parameters of reports about usage."""

from typing import Final

from workflow_engine.journal.usage import UsageGroup
from workflow_engine.rest.parameters import Parameter, Unreadable, one, optional_instant, optional_text
from workflow_engine.settings import Limits


def _group(given: str, _limits: Limits) -> UsageGroup:
    if given not in set(UsageGroup):
        raise Unreadable(f"must be one of {', '.join(UsageGroup)}")
    return UsageGroup(given)


GROUP_BY: Final[Parameter[UsageGroup]] = Parameter(
    "group_by",
    one(_group),
    lambda _: UsageGroup.NONE,
    "What there is to be a line for.",
    {"enum": list(UsageGroup), "default": UsageGroup.NONE.value},
)
FROM: Final = optional_instant("from", "Only calls from this instant on.")
TO: Final = optional_instant("to", "Only calls before this instant.")
EXECUTION_ID: Final = optional_text("execution_id", "Only calls of this execution.")
STEP_ID: Final = optional_text("step_id", "Only calls of the step of this id in its document.")
AGENT: Final = optional_text("agent", "Only calls of agents of this name.")
USED_BY: Final = optional_text("user_id", "Only calls of executions started for this user.")
PRINCIPAL: Final = optional_text("principal", "Only calls of executions started by this principal.")
MODEL: Final = optional_text("model", "Only calls that this model answered.")
USED_IN: Final = optional_text("workflow_id", "Only calls of executions of this workflow.")
