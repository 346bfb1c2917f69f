"""How a command ends: its exit codes, and errors as people read them."""

import traceback
from typing import Final

from workflow_engine.cli.console import err, words
from workflow_engine.errors import InvalidRequest, MalformedRequest, TooLarge, WorkflowEngineError

FAILED: Final = 1
"""It failed, or could not be done."""
INVALID: Final = 2
"""What was given cannot be used: arguments, or a document."""
NOT_FINISHED: Final = 3
"""It was cancelled, or did not end in time."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells count it."""


class InvalidArgument(InvalidRequest):
    """An argument of the command line; the message names it and says what to write instead."""

    code = "invalid-argument"


def exit_code_of(error: WorkflowEngineError) -> int:
    unusable = isinstance(error, (InvalidRequest, MalformedRequest, TooLarge))
    return INVALID if unusable else FAILED


def print_error(error: WorkflowEngineError) -> None:
    """One readable message; several problems are listed, each with its place."""
    console, found = err(), error.problems()
    if len(found) < 2 or "\n" in str(error):
        console.print(words(("error: ", "bold red"), str(error)))
        return
    console.print(words(("error: ", "bold red"), f"{len(found)} problems"))
    for problem in found:
        place = f"  {problem.pointer}" if problem.pointer else ""
        console.print(words(f"  - {problem.message}", (place, "dim")))


def print_bug(bug: Exception) -> None:
    """The traceback, without the values of variables, and an id by which to find this very failure in a report."""
    from workflow_engine.identifiers import new_id

    console = err()
    console.print(words("".join(traceback.format_exception(bug)).rstrip()), soft_wrap=True)
    console.print(
        words(("error: ", "bold red"), f"unexpected, so this is a bug; please report it with the id {new_id()}")
    )
