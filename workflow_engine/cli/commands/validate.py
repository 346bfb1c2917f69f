"""`workflow-engine validate FILE`: everything that is wrong with a document, at its line."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.failures import INVALID
from workflow_engine.cli.options import ApiKey, AsJson, ServerUrl
from workflow_engine.errors import Problem

if TYPE_CHECKING:
    from workflow_engine.cli.documents import Source
    from workflow_engine.jsontext import JsonObject


def validate(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A workflow as JSON; - reads stdin.")],
    as_json: AsJson = False,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    embedded: Annotated[
        bool,
        typer.Option("--embedded", help="Know the built-in and plugin step types only, even where a server is up."),
    ] = False,
) -> None:
    """Tell everything that is wrong with a workflow.

    A server that is up also knows the step types that were registered with it.

    \b
    Exit codes: 0  valid, perhaps with warnings
                2  invalid
    """
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import chosen_place
    from workflow_engine.cli.documents import read_source

    source = read_source(file)
    with chosen_place(server, api_key=api_key, embedded=embedded) as place:
        report = place.validate(source.document)
    print_answer(report, partial(_print, source), as_json=as_json)
    raise typer.Exit(0 if report["is_valid"] else INVALID)


def _print(source: "Source", report: "JsonObject") -> None:
    from workflow_engine.cli.diagnostics import print_problems, print_warnings

    console = out()
    listed = cast("list[dict[str, str]]", report["problems"])
    problems = [Problem(each["code"], each["message"], source.prefix + each["pointer"]) for each in listed]
    warnings = cast("list[str]", report["warnings"])
    print_problems(console, source, problems)
    print_warnings(console, source, warnings)
    verdict = (_number(len(problems), "error"), "bold red") if problems else ("valid", "green")
    also = f", {_number(len(warnings), 'warning')}" if warnings else ""
    console.print(words(f"{source.name}: ", verdict, also))


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
