"""Problems of a document as a compiler prints them: file, line, column, what to change, and the line itself."""

from collections.abc import Iterable

from rich.console import Console

from workflow_engine.cli.console import words
from workflow_engine.cli.documents import Source
from workflow_engine.cli.json_places import Place, Places
from workflow_engine.errors import Problem


def print_problems(console: Console, source: Source, problems: Iterable[Problem]) -> None:
    """Every problem at its place, in the order of the text; pointers begin at the root of the text."""
    places, lines = Places(source.text), source.text.split("\n")
    found = [(places.of(problem.pointer), problem) for problem in problems]
    for place, problem in sorted(found, key=lambda each: (each[0].line, each[0].column)):
        where = f"{source.name}:{place.line}:{place.column}: "
        console.print(words((where, "bold"), *_sentence(problem)), soft_wrap=True)
        _print_line(console, lines[place.line - 1], place)


def print_refusal(console: Console, source: Source, problems: Iterable[Problem]) -> None:
    """What a start was refused for: `problems` of the body that was made of this source and the command line."""
    in_text: list[Problem] = []
    for problem in problems:
        pointer = source.pointer_in_text(problem.pointer)
        if pointer is None:
            console.print(words((f"{problem.pointer}: " if problem.pointer else "", "bold"), *_sentence(problem)))
        else:
            in_text.append(Problem(problem.code, problem.message, pointer))
    print_problems(console, source, in_text)


def _sentence(problem: Problem) -> tuple[str | tuple[str, str], ...]:
    return ("error: ", "bold red"), problem.message, (f"  [{problem.code}]", "dim")


def print_warnings(console: Console, source: Source, sentences: Iterable[str]) -> None:
    for sentence in sentences:
        console.print(words((f"{source.name}: ", "bold"), ("warning: ", "yellow"), sentence), soft_wrap=True)


def _print_line(console: Console, line: str, place: Place) -> None:
    """The line with a mark below, unless it is so long that the mark would not be seen."""
    if len(line) <= console.width - 10:
        console.print(words((f"{place.line:>6} | ", "dim"), line))
        console.print(words(("       | ", "dim"), " " * (place.column - 1), ("^", "bold red")))
