"""What `workflow-engine steps diff` asks the server, and how it ends."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import cast

import typer

from workflow_engine.cli.answers import print_json
from workflow_engine.cli.documents import read_source
from workflow_engine.cli.failures import FAILED, InvalidArgument
from workflow_engine.cli.server import Server, ServerRefused, path_of
from workflow_engine.cli.step_diff import diff_of, print_diff
from workflow_engine.jsontext import JsonObject
from workflow_engine.steps.catalogue import CatalogueEntry
from workflow_engine.steps.register_body import read_registration
from workflow_engine.steps.wire import write_entry


def compare_versions(server: Server, step_type: str, before: str | None, after: str | None, *, as_json: bool) -> None:
    """Two registered versions, or the latest and the one before it."""
    entries = cast(Sequence[JsonObject], server.get(f"{path_of('steps', step_type)}/versions")["steps"])
    versions = [str(each["version"]) for each in entries]
    newer = entries[_position(versions, after) if after is not None else 0]
    older = entries[_position(versions, before)] if before is not None else _follower(entries, newer)
    diff = diff_of(older, newer, str(newer["version"]))
    if as_json:
        print_json(diff.to_json())
    else:
        print_diff(diff)


def _position(versions: Sequence[str], wanted: str) -> int:
    if wanted not in versions:
        raise InvalidArgument(f"there is no version {wanted}; there are {', '.join(versions)}")
    return versions.index(wanted)


def _follower(entries: Sequence[JsonObject], newer: JsonObject) -> JsonObject:
    """The version before this one; the oldest is compared with itself."""
    return entries[min(entries.index(newer) + 1, len(entries) - 1)]


def compare_file(server: Server, file: str, before: str | None, after: str | None, *, as_json: bool) -> None:
    """A contract in a file against the latest version that is registered, by a dry run of its registration."""
    if before is not None or after is not None:
        raise InvalidArgument("FROM and TO belong to a TYPE; a file is compared with what is registered")
    body = read_source(file).value
    entry = write_entry(CatalogueEntry(read_registration(body, "").type, "", 0.0), workers=0, status="")
    answer = server.post("/steps/register", body, dry_run="true")
    diff = diff_of(_registered(server, str(entry["step_type"])), entry, str(answer["version"]))
    breaks = cast(Sequence[JsonObject], answer["breaks"])
    truncated = answer.get("breaks_truncated") is True
    if as_json:
        print_json({**diff.to_json(), "would_break": list(breaks), "truncated": truncated})
    else:
        print_diff(diff, breaks, truncated=truncated)
    if breaks:
        raise typer.Exit(FAILED)


def _registered(server: Server, step_type: str) -> JsonObject | None:
    try:
        return server.get(path_of("steps", step_type))
    except ServerRefused as refused:
        if refused.status == HTTPStatus.NOT_FOUND:
            return None
        raise
