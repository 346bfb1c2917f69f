"""Why an input cannot enter an execution. Nothing changes when one of these is raised."""

from workflow_engine.errors import Conflict, InvalidRequest, NotFound, OverLimit
from workflow_engine.history.statuses import ExecutionStatus


class ExecutionEnded(Conflict):
    code = "execution-ended"

    def __init__(self, status: ExecutionStatus) -> None:
        super().__init__(f"the execution has ended as {status}; a terminal state never changes")


class StaleDelivery(Conflict):
    """A report under a fence that is not the latest: the step was handed to somebody else, or has ended."""

    code = "stale-lease"

    def __init__(self, path: str) -> None:
        super().__init__(f"step {path} was handed over again or has ended since; this report changes nothing")


class AlreadyReported(StaleDelivery):
    """The same result was accepted before; whoever sent it again may rest."""

    code = "already-reported"


class OtherResult(StaleDelivery):
    """Another result was accepted under the same fence."""

    code = "result-conflict"

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.args = (f"another result of step {path} was accepted under this lease; this one changes nothing",)


class MissingChunks(Conflict):
    """Chunks that do not follow those that are recorded: those between are to be sent first."""

    code = "missing-chunks"

    def __init__(self, path: str, expected: int) -> None:
        super().__init__(f"chunk {expected} of step {path} is to come next")


class NotPaused(Conflict):
    code = "not-paused"

    def __init__(self, status: ExecutionStatus) -> None:
        super().__init__(f"only a paused execution can be resumed; this one is {status}")


class AlreadyPaused(Conflict):
    code = "already-paused"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the execution is paused already ({reason})")


class NoUnknownOutcome(Conflict):
    code = "no-unknown-outcome"

    def __init__(self, path: str) -> None:
        super().__init__(f"step {path} does not wait for somebody to say what became of it")


class TooManySignals(OverLimit):
    code = "too-many-signals"

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} signals wait in this execution and no step has taken them")


class UnknownStep(NotFound):
    code = "unknown-step"

    def __init__(self) -> None:
        super().__init__("Step not found")


class NotAnAgent(Conflict):
    code = "not-an-agent"

    def __init__(self, path: str) -> None:
        super().__init__(f"step {path} is no agent, or did not begin to converse")


class NotConversing(Conflict):
    code = "not-conversing"

    def __init__(self, path: str) -> None:
        super().__init__(f"step {path} is no agent that converses now")


class EmptyMessage(InvalidRequest):
    code = "empty-message"

    def __init__(self) -> None:
        super().__init__("a message needs content; only one with metadata.final_turn = true may have none")


class TooManyMessages(OverLimit):
    code = "too-many-messages"

    def __init__(self, path: str, limit: int) -> None:
        super().__init__(f"the conversation of {path} has {limit} messages, and its max_messages allows no more")
