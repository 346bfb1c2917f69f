"""How two versions of a step type differ: which parts, which of the changes break, and what they would break."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, cast

from rich.table import Table
from rich.text import Text

from workflow_engine.cli.console import harmless, out, words
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.authoring import same_json
from workflow_engine.steps.compatibility import breaking_changes
from workflow_engine.steps.contract import StepType

_SCHEMAS: Final = {"parameters_schema": "config", "input_schema": "input", "output_schema": "output"}
"""Part of a contract -> the word that sentences about it begin with."""
_PARTS: Final = (
    *("name", "description", "documentation", "execution_type", "function_reference", "endpoint_config", "effect"),
    *("default_input", "error_codes", "default_timeout_seconds", "default_max_retries", "tags", "examples"),
    *("slot_cost", "streams", "estimated_cost_usd", "required_permissions", "requires_approval"),
)
_LONGEST: Final = 48


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `breaks`: a workflow written for the one could stumble over the other."""

    part: str
    told: str
    breaks: bool


@dataclass(frozen=True, slots=True)
class StepDiff:
    """`before` is None for a type that nobody registered yet; versions as text."""

    step_type: str
    before: str | None
    after: str
    changes: tuple[Change, ...]

    @property
    def breaks(self) -> bool:
        return any(change.breaks for change in self.changes)

    def to_json(self) -> JsonObject:
        changes: list[Json] = [{"part": each.part, "change": each.told, "breaks": each.breaks} for each in self.changes]
        return {"step_type": self.step_type, "from": self.before, "to": self.after, "changes": changes}


def diff_of(before: JsonObject | None, after: JsonObject, version: str) -> StepDiff:
    """Compare two entries of `GET /steps`; `version` is what the second one is, or would be."""
    changes = tuple(_changes(before, after)) if before is not None else ()
    return StepDiff(str(after["step_type"]), None if before is None else str(before["version"]), version, changes)


def _changes(before: JsonObject, after: JsonObject) -> Iterator[Change]:
    sentences = breaking_changes(_contract(before), _contract(after))
    for part, word in _SCHEMAS.items():
        broken = [sentence.removeprefix(f"{word} ") for sentence in sentences if sentence.startswith(f"{word} ")]
        yield from (Change(word, sentence, breaks=True) for sentence in broken)
        if not broken and not same_json(before.get(part), after.get(part)):
            yield Change(word, "changed, and compatible", breaks=False)
    for part in _PARTS:
        if not same_json(before.get(part), after.get(part)):
            yield Change(part, f"{_short(before.get(part))} -> {_short(after.get(part))}", breaks=False)


def _contract(entry: JsonObject) -> StepType:
    """As much of a contract as breaks can be found in."""
    schemas = (cast("JsonObject | None", entry.get(part)) for part in _SCHEMAS)
    config, given, output = schemas
    return StepType(str(entry["step_type"]), config_schema=config, input_schema=given, output_schema=output)


def _short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


# --- for people


def print_diff(diff: StepDiff, breaks: Sequence[JsonObject] | None = None, *, truncated: bool = False) -> None:
    """`breaks`: what a dry run listed; None when none was made."""
    console = out()
    console.print(_heading(diff))
    if diff.changes:
        console.print(_changes_table(diff))
    if breaks:
        console.print()
        console.print(_breaks_table(breaks))
    elif breaks is not None and diff.changes:
        console.print(words(("no saved workflow and no open execution would break", "green")))
    if truncated:
        console.print(words(("there may be more: the server looks at a limited number of them", "yellow")))


def _heading(diff: StepDiff) -> Text:
    name = (diff.step_type, "bold")
    if diff.before is None:
        return words(name, f"  {diff.after}  ", ("new", "green"))
    if not diff.changes:
        return words(name, f"  {diff.before}  ", ("no difference", "green"))
    verdict = ("breaking", "bold red") if diff.breaks else ("compatible", "green")
    return words(name, f"  {diff.before} -> {diff.after}  ", verdict)


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, no_wrap=title in ("part", ""), overflow="fold")
    return table


def _changes_table(diff: StepDiff) -> Table:
    table = _table("", "part", "change")
    for change in diff.changes:
        mark, colour = ("breaks", "red") if change.breaks else ("", "dim")
        table.add_row(Text(mark, "bold red"), Text(harmless(change.part)), Text(harmless(change.told), colour))
    return table


def _breaks_table(breaks: Sequence[JsonObject]) -> Table:
    """Whom it would break, and below each the places and the reasons."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_row(Text("would break", "dim"))
    for each in breaks:
        workflow = each.get("workflow_id")
        kind, name = ("workflow", workflow) if workflow is not None else ("execution", each.get("execution_id"))
        table.add_row(words(f"{kind} ", (str(name), "bold")))
        reasons = Table.grid(padding=(0, 2, 0, 0))
        reasons.add_column(no_wrap=True, min_width=2)
        reasons.add_column(overflow="fold")
        for problem in cast(Sequence[JsonObject], each["problems"]):
            where, why = harmless(str(problem["pointer"])), harmless(str(problem["message"]))
            reasons.add_row(Text(f"  {where}", "cyan"), Text(why, "red"))
        table.add_row(reasons)
    return table
