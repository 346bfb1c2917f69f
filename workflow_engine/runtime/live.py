"""One execution that is in memory, with its mailbox."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from workflow_engine.execution.execution import Execution
from workflow_engine.execution.inputs import Input
from workflow_engine.journal.contract import Acceptance, ExecutionRecord, Summary
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.contract import Simulation


@dataclass(frozen=True, slots=True)
class Letter:
    """An input on its way in, or a look at what is committed. `answer` is given after the commit; a report has nobody
    waiting.

    `look` is called when the answer is due, before the next turn begins: it never sees what is not durable yet.
    """

    entering: Input | None
    answer: "asyncio.Future[Any] | None" = None
    acceptance: Acceptance | None = None
    look: "Callable[[Live], Any] | None" = None
    then: Callable[[BaseException | None], None] | None = None
    """Told after the commit, in place of `answer`, by whoever must not wait: None, or why it changed nothing."""


@dataclass(slots=True, eq=False)
class Live:
    """An execution, its fixed facts, and the letters that wait for its next turn. One turn is in flight at most."""

    record: ExecutionRecord
    execution: Execution
    definition: JsonObject | None = None
    """The document, until the commit that opens the execution has stored it."""
    simulation: Simulation = Simulation.FALLBACK
    inbox: deque[Letter] = field(default_factory=deque)
    in_turn: bool = False
    queued: bool = False
    written: Summary | None = None
    """The summary row as it was last committed."""

    @property
    def id(self) -> str:
        return self.execution.id

    @property
    def namespace(self) -> str:
        return self.record.namespace

    @property
    def is_quiet(self) -> bool:
        return not self.inbox and not self.in_turn
