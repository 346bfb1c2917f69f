"""One call of a step function: its input in, its outcome out, whatever it does."""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from workflow_client.context import StepContext
from workflow_client.generated.worker_pb2 import Result
from workflow_client.json_values import NotJson
from workflow_client.protocol.held import Held
from workflow_client.protocol.results import completed, failed, suspended, unexpected
from workflow_client.protocol.terms import Terms
from workflow_client.signatures import CONTEXT
from workflow_client.steps import CONTRACT_VIOLATION, StepError, StepType, Suspend

MOST_PROBLEMS: Final = 20
log = logging.getLogger("workflow_client.steps")


@dataclass(slots=True)
class Call:
    """Shared by the three places where functions run. `context` only for functions that ask for it."""

    held: Held
    step: StepType
    terms: Terms
    context: StepContext | None

    def run(self) -> Result:
        """A sync function, from its input to its result."""
        began = time.perf_counter()
        try:
            value = self.step.function(**self.arguments())
        except (Exception, SystemExit) as failure:  # noqa: BLE001  # whatever it raises is its outcome
            return self.raised(failure, began)
        return self.returned(value, began)

    async def run_async(self) -> Result:
        """An async function. A cancel passes through."""
        began = time.perf_counter()
        try:
            value = await self.step.function(**self.arguments())
        except (Exception, SystemExit) as failure:  # noqa: BLE001  # as above
            return self.raised(failure, began)
        return self.returned(value, began)

    def arguments(self) -> dict[str, Any]:
        assignment = self.held.assignment
        try:
            arguments = self.step.signature.read(assignment.input.data, assignment.config.data)
        except ValidationError as failure:
            raise wrong_input(failure) from None
        if self.context is not None:
            arguments[CONTEXT] = self.context
        return arguments

    def returned(self, value: object, began: float) -> Result:
        lease = self.held.lease
        try:
            if isinstance(value, Suspend):
                return suspended(lease, value, _since(began), self.terms)
            return completed(lease, self.step.signature.write(value), _since(began), self.terms)
        except (PydanticSerializationError, NotJson, UnicodeEncodeError, RecursionError) as failure:
            return failed(lease, wrong_output(failure), _since(began))
        except Exception as failure:  # noqa: BLE001  # a value's own serializer may raise anything
            return self.raised(failure, began)

    def raised(self, failure: BaseException, began: float) -> Result:
        if isinstance(failure, Suspend):
            return self.returned(failure, began)
        if not isinstance(failure, StepError):
            log.warning("[%s] raised", self.held.key[1], exc_info=failure)
            failure = unexpected(failure)
        return failed(self.held.lease, failure, _since(began))


def wrong_input(failure: ValidationError) -> StepError:
    """Names the places and what they should be, and repeats no value."""
    found = failure.errors(include_url=False, include_context=False, include_input=False)[:MOST_PROBLEMS]
    problems = [
        {"pointer": _pointer(error["loc"]), "code": error["type"].replace("_", "-"), "message": error["msg"]}
        for error in found
    ]
    lines = "; ".join(f"{problem['pointer'] or '/'}: {problem['message']}" for problem in problems)
    return StepError(
        CONTRACT_VIOLATION, f"The input is not what the function takes: {lines}", retryable=False, details=problems
    )


def wrong_output(failure: Exception) -> StepError:
    first = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
    return StepError(CONTRACT_VIOLATION, f"The output is not what the function promises: {first}", retryable=False)


def _pointer(location: Iterable[int | str]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def _since(began: float) -> float:
    """Milliseconds."""
    return (time.perf_counter() - began) * 1000
