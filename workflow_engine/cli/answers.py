"""An answer, printed as programs or as people want it."""

import json
from collections.abc import Callable

import typer

from workflow_engine.jsontext import Json, JsonObject


def print_json(value: Json) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_answer(answer: JsonObject, for_people: Callable[[JsonObject], None], *, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        for_people(answer)
