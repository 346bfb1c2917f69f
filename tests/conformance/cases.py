"""The cases as data: read from the JSON files of this folder, and sent to a server in every form they may have."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
# What stands beside the document in an envelope.
ENVELOPE_FIELDS: Final = ("input_data", "execution_options")


@dataclass(frozen=True, slots=True)
class Case:
    """One request and what is expected of it; the id names the form too, where a case has several."""

    id: str
    title: str
    body: Mapping[str, Any] = field(repr=False)
    expect: Mapping[str, Any] = field(repr=False)


def execution_cases(*files: str) -> Sequence[Case]:
    """Every execution of these files as an envelope, and as the bare document where nothing else is sent."""
    return [case for file in files for given in _read(file) if "workflow_config" in given for case in _forms(given)]


def validation_cases(*files: str) -> Sequence[Case]:
    return [
        Case(given["id"], given["title"], given["body"], given["expect"])
        for file in files
        for given in _read(file)
        if "body" in given
    ]


def _forms(given: Mapping[str, Any]) -> Iterator[Case]:
    document = given["workflow_config"]
    beside = {name: given[name] for name in ENVELOPE_FIELDS if name in given}
    yield Case(f"{given['id']}-envelope", given["title"], {"workflow_config": document, **beside}, given["expect"])
    if not beside:
        yield Case(f"{given['id']}-bare", given["title"], document, given["expect"])


def _read(file: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    return cases
