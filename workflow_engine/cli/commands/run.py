"""`workflow-engine run FILE`: run a document to its end and print what came out."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from workflow_engine.cli.console import err, out, words
from workflow_engine.cli.failures import INTERRUPTED, INVALID, NOT_FINISHED
from workflow_engine.cli.options import ApiKey, AsJson, DatabaseUrl, ServerUrl
from workflow_engine.errors import InvalidDocument

if TYPE_CHECKING:
    from workflow_engine.cli.documents import Source
    from workflow_engine.cli.place import Place
    from workflow_engine.cli.progress import Progress
    from workflow_engine.jsontext import JsonObject


def run(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A workflow as JSON; - reads stdin.")],
    given: Annotated[
        list[str] | None,
        typer.Option("--input", "-i", metavar="KEY=VALUE", help="One input; VALUE is JSON, or text where it is none."),
    ] = None,
    input_file: Annotated[
        str | None, typer.Option("--input-file", metavar="FILE", help="All inputs, as one JSON object.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show what the steps are doing while they do it.")
    ] = False,
    as_json: AsJson = False,
    server: ServerUrl = None,
    api_key: ApiKey = None,
    embedded: Annotated[
        bool, typer.Option("--embedded", help="Use an engine inside this process, even where a server is up.")
    ] = False,
    database_url: DatabaseUrl = None,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", metavar="SECONDS", min=0.001, help="Wait this long for the end at most."),
    ] = None,
) -> None:
    """Run a workflow to its end and print what came out.

    It runs on the server when one is up. Otherwise it runs in an engine inside this process: in memory, so that it is
    gone with the process, or on the database of --database-url.

    \b
    Exit codes: 0  completed
                1  failed, or could not be run
                2  the document or an argument is invalid
                3  cancelled, or not finished within --timeout
              130  interrupted (on a server it goes on)
    """
    from workflow_engine.cli.answers import print_answer
    from workflow_engine.cli.choosing import chosen_place
    from workflow_engine.cli.documents import read_input, read_source, start_body
    from workflow_engine.cli.outcome import exit_code_of_status

    source = read_source(file)
    body = start_body(source, read_input(given or (), input_file))
    with chosen_place(server, api_key=api_key, embedded=embedded, database_url=database_url) as place:
        plan = _plan(source, _started(place, source, body))
        deadline = None if timeout is None else time.monotonic() + timeout
        results = _followed(place, plan, deadline, watch=watch, as_json=as_json)
    print_answer(results, partial(_print, plan, watched=watch), as_json=as_json)
    raise typer.Exit(exit_code_of_status(results["status"]))


def _plan(source: "Source", execution_id: str) -> "Progress":
    from workflow_engine.cli.progress import Progress

    return Progress.of(source.document if isinstance(source.document, dict) else {}, execution_id)


def _started(place: "Place", source: "Source", body: "JsonObject") -> str:
    """Problems of the document are printed where they stand in it."""
    from workflow_engine.cli.server import ServerRefusedInput

    try:
        return place.start(body)
    except (InvalidDocument, ServerRefusedInput) as refusal:
        from workflow_engine.cli.diagnostics import print_refusal

        print_refusal(err(), source, refusal.problems())
        raise typer.Exit(INVALID) from None


def _followed(place: "Place", plan: "Progress", deadline: float | None, *, watch: bool, as_json: bool) -> "JsonObject":
    """The results at the end."""
    from workflow_engine.cli.steps_table import following, quietly

    console = err() if as_json else out()
    with _telling_where_it_goes_on(place, plan.execution_id):
        with following(console, plan) if watch else quietly() as follower:
            for event in place.events(plan.execution_id, deadline):
                follower.follow(event)
        return place.results(plan.execution_id)


@contextmanager
def _telling_where_it_goes_on(place: "Place", execution_id: str) -> Iterator[None]:
    """Whoever stops waiting should know what becomes of it."""
    from workflow_engine.cli.place import DeadlineReached

    try:
        yield
    except (DeadlineReached, KeyboardInterrupt) as left:
        fate = "goes on" if place.outlives_us else "ended with this command"
        err().print(words(f"execution {execution_id} has not finished; it {fate} ({place.name})"))
        raise typer.Exit(NOT_FINISHED if isinstance(left, DeadlineReached) else INTERRUPTED) from None


def _print(plan: "Progress", results: "JsonObject", *, watched: bool) -> None:
    from workflow_engine.cli.outcome import print_heading, print_outcome

    console = out()
    if watched and console.is_terminal:
        console.print()  # the heading of the table above has said the rest
    else:
        print_heading(console, plan.name, results)
    print_outcome(console, results, plan)
