"""Answers of a server as tables that a person likes to read."""

import json
import time
from collections.abc import Iterable, Sequence
from typing import Final, cast

import typer
from rich.table import Table
from rich.text import Text

from workflow_engine.cli.console import harmless, out, words
from workflow_engine.cli.durations import clock_time, length
from workflow_engine.cli.events import Event, instant
from workflow_engine.cli.outcome import print_value
from workflow_engine.cli.styles import sign, style
from workflow_engine.jsontext import Json, JsonObject

_LONGEST_DATA: Final = 160
_WIDE: Final = 110
_WIDEST_WORKER: Final = 32
_NARROW_WORKER: Final = 20
_WIDEST_SDK: Final = 24
_WIDEST_AGENT: Final = 48
_NARROW_AGENT: Final = 28
_WIDEST_MODEL: Final = 24
_WHOLE: Final = frozenset(
    {"key", "scopes", "created", "execution", "status", "steps", "started", "took", "version", "tries", "time"}
    | {"workers", "slots", "done", "failed", "seen", "build", "via", "reason", "changed"}
)
_BY_WORKERS: Final = frozenset({"grpc", "poll"})
_STANDING: Final = {"served": "green", "unserved": "yellow", "quarantined": "bold red"}


def print_executions(answer: JsonObject) -> None:
    table = _table("execution", "workflow", "status", "steps", "started", "took")
    table.expand = True
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)  # a line for each; `show` has the rest
    for each in _objects(answer["executions"]):
        table.add_row(
            _text(each["execution_id"]),
            _text(each["workflow_name"]),
            _status(each["status"]),
            f"{_count(each, 'completed_steps')} of {_count(each, 'total_steps')}",
            clock_time(instant(each["started_at"])),
            _took(each),
            _error(each) or _text(each.get("current_step") or "", "dim"),
        )
    _print(table, "no executions")
    if (cursor := answer.get("next_cursor")) is not None:
        out().print(words(("there are more: --cursor ", "dim"), str(cursor)), soft_wrap=True)


def print_execution(execution: JsonObject, results: JsonObject) -> None:
    console = out()
    name, status = words((str(execution["workflow_name"]), "bold")), _status(execution["status"])
    counts = f"{_count(execution, 'completed_steps')} of {_count(execution, 'total_steps')} steps"
    console.print(name, status, counts, _took(execution), sep="  ")
    if reason := execution.get("reason"):
        console.print(words((str(reason), "yellow")))
    console.print(_steps_of(execution, results))
    if error := _error(execution):
        console.print(words(("error: ", "bold red")).append_text(error))
    if results.get("output") is not None:
        console.print(words(("output", "bold")))
        print_value(console, results["output"])


def _steps_of(execution: JsonObject, results: JsonObject) -> Table:
    table = _table("step", "status", "tries", "time", "")
    ran = cast(dict[str, JsonObject], results["step_results"])
    # An execution that is not in memory has no statuses at hand; then what ran is what is known.
    statuses = cast(dict[str, str], execution.get("step_statuses") or {path: ran[path]["status"] for path in ran})
    for path, status in statuses.items():
        step = ran.get(path, {})
        table.add_row(
            _text(path),
            _status(status),
            str(_count(step, "retry_count") + 1) if step and status != "skipped" else "",
            length(float(cast(float, step["execution_time_ms"])) / 1000) if step.get("execution_time_ms") else "",
            _text(step.get("error_message") or _made_up(step), "red" if status == "failed" else "dim"),
        )
    return table


def _made_up(step: JsonObject) -> str:
    return "simulated" if step.get("simulated") is True else ""


def print_explanation(answer: JsonObject) -> None:
    table = _table("step", "reason", "")
    for each in _objects(answer["reasons"]):
        colour = "red" if each["reason"] == "QUARANTINED" else "yellow"
        said = f"{each['message']}{_until(each)}{_way_out(each)}"
        table.add_row(_text(each["path"]), _text(each["reason"], colour), _text(said))
    _print(table, f"nothing is open: the execution is {answer['status']}")


def _until(reason: JsonObject) -> str:
    details = reason.get("details")
    until = details.get("until") if isinstance(details, dict) else None
    return f" (until {clock_time(instant(until))})" if until is not None else ""


def _way_out(reason: JsonObject) -> str:
    """What a person can do about it, where that is not plain."""
    details = reason.get("details")
    facts = details if isinstance(details, dict) else {}
    if reason["reason"] == "QUARANTINED":
        return f"; `workflow-engine steps reset {facts.get('step_type', 'TYPE')}` hands it out again"
    if reason["reason"] == "NO_WORKER" and (seen := facts.get("last_seen")) is not None:
        return f"; the last one left at {clock_time(instant(seen))}"
    return ""


def print_steps(answer: JsonObject) -> None:
    table = _table("type", "version", "runs", "owner", "status", "workers")
    table.expand = True
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)  # a line for each; `show` has the rest
    for each in _objects(answer["steps"]):
        described = str(each.get("description") or "").partition("\n")[0]
        status, by_workers = str(each.get("status") or ""), each["execution_type"] in _BY_WORKERS
        table.add_row(
            _text(each["step_type"], "bold"),
            _text(each["version"]),
            _text(each["execution_type"]),
            _text(each.get("owner") or "", "dim"),
            _text(status, _STANDING.get(status, "")),
            str(_count(each, "workers")) if by_workers else "",
            _text(described, "dim"),
        )
    _print(table, "no step types")


def print_workers(answer: JsonObject) -> None:
    """On a narrow screen what it is made of is left out."""
    is_wide = out().width >= _WIDE
    about = ("build", "sdk", "via") if is_wide else ()
    table = _table("worker", "status", "slots", "done", "failed", "seen", *about, "serves")
    for name, most in {"worker": _WIDEST_WORKER if is_wide else _NARROW_WORKER, "sdk": _WIDEST_SDK}.items():
        for column in table.columns:
            if column.header == name:
                column.max_width, column.no_wrap, column.overflow = most, True, "ellipsis"
    for each in _objects(answer["workers"]):
        made_of = [_text(each[name] or "", "dim") for name in ("build_id", "sdk", "transport")]
        table.add_row(
            _text(each["worker_id"], "bold"),
            _status(each["status"]),
            _slots(each),
            str(each["completed"]),
            _text(each["failed"], "red" if each["failed"] else ""),
            _ago(instant(each["last_seen_at"])),
            *(made_of if is_wide else ()),
            _text(", ".join(pin.partition("@")[0] for pin in cast(list[str], each["steps"])), "dim"),
        )
    _print(table, "no workers are connected")


def _slots(worker: JsonObject) -> Text:
    """Taken of all."""
    taken, total = _count(worker, "in_flight"), _count(cast(JsonObject, worker["slots"]), "")
    return _text(f"{taken}/{total}", "yellow" if taken >= total else "")


def _ago(at: float) -> str:
    seconds = time.time() - at
    return "now" if seconds < 1 else f"{length(seconds)} ago"


def print_providers(answer: JsonObject) -> None:
    table = _table("provider", "configured", "why", "at")
    for each in _objects(answer["providers"]):
        is_there = bool(each["configured"])
        table.add_row(
            _text(each["name"], "bold"),
            _text("yes" if is_there else "no", "green" if is_there else "yellow"),
            _text(each["why"], "" if is_there else "dim"),
            _text(", ".join(cast(list[str], each["sources"])), "dim"),
        )
    _print(table, "no providers are known")
    if names := cast(list[str], answer["credentials"]):
        out().print(words(("credentials  ", "dim"), ", ".join(names)))
    out().print(words(("agent worker  ", "dim"), _worker_sentence(cast(JsonObject, answer["worker"]))))


def _worker_sentence(worker: JsonObject) -> str:
    since = worker["since"]
    facts = [
        f"{worker['status']}{'' if since is None else f' since {clock_time(instant(since))}'}",
        f"started again {worker['restarts']} times" if worker["restarts"] else "",
        f"{worker['connected']} connected",
    ]
    return ", ".join(filter(None, facts))


def print_hosts(answer: JsonObject) -> None:
    table = _table("host", "allowed", "by", "")
    for each in _objects(answer["hosts"]):
        at = clock_time(instant(each["created_at"]))
        table.add_row(_text(each["pattern"], "bold"), at, _text(each["created_by"]), _text(each["note"], "dim"))
    _print(table, "no hosts are listed; the server may call public addresses only")


def print_keys(answer: JsonObject) -> None:
    table = _table("key", "principal", "scopes", "created", "status")
    table.expand = True
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)  # a line for each; --json has the rest
    for each in _objects(answer["keys"]):
        revoked = each["revoked_at"] is not None
        table.add_row(
            _text(each["key_id"], "dim" if revoked else "bold"),
            _text(each["principal"]),
            _text(", ".join(cast(list[str], each["scopes"]))),
            clock_time(instant(each["created_at"])),
            _text("revoked", "yellow") if revoked else _text("good", "green"),
            _text(each["note"], "dim"),
        )
    _print(table, "no keys: on this machine anybody may do everything, and no other machine is served")


def print_agents(answer: JsonObject) -> None:
    is_wide = out().width >= _WIDE
    table = _table("agent", "model", *(("provider", "tools", "owner") if is_wide else ()), "changed")
    table.expand = True
    table.columns[0].max_width = _WIDEST_AGENT if is_wide else _NARROW_AGENT
    table.columns[1].max_width, table.columns[1].no_wrap, table.columns[1].overflow = _WIDEST_MODEL, True, "ellipsis"
    table.add_column("", no_wrap=True, overflow="ellipsis", ratio=1)  # a line for each; `show` has the rest
    listed = list(_objects(answer["agents"]))
    for each in listed:
        tools = cast(list[Json], each.get("tools") or [])
        about = (_text(each.get("provider_type") or ""), str(len(tools) or ""), _text(each["owner"], "dim"))
        table.add_row(
            _text(each["agent_id"], "bold"),
            _text(each["model"]),
            *(about if is_wide else ()),
            clock_time(instant(each["updated_at"])),
            _text(_first_line(each.get("description") or each["name"]), "dim"),
        )
    _print(table, "no agents are saved")
    if (following := _count(answer, "offset") + len(listed)) < _count(answer, "total") and listed:
        out().print(words(("there are more: --offset ", "dim"), str(following)))


def print_usage(answer: JsonObject) -> None:
    lines, total = list(_objects(answer["usage"])), cast(JsonObject, answer["total"])
    table = _table(str(answer["group_by"]).removeprefix("none"))
    for title in ("calls", "tokens in", "tokens out", "cost"):
        table.add_column(title, no_wrap=True, justify="right")
    table.add_column("")
    for each in lines:
        key = each.get("key")
        named = _text("not said", "dim") if key is None else _text(key, "bold")
        table.add_row(named, *_sums(each))
    if len(lines) != 1 and total["calls"]:
        table.add_row(_text("total"), *_sums(total), style="bold" if lines else "")
    _print(table, "no model calls")
    if lines and (others := _count(total, "calls") - sum(_count(each, "calls") for each in lines)):
        out().print(words((f"{others} further calls are in lines that are not shown; --limit shows more", "dim")))


def _sums(line: JsonObject) -> Iterable[Text]:
    """The cells of what is summed up; what is not known is said, and not counted as nothing."""
    calls, unknown, simulated = (_count(line, name) for name in ("calls", "unknown_cost_calls", "simulated_calls"))
    cost = float(cast(float, line["cost_usd"]))
    yield _text(f"{calls:,}")
    yield _text(f"{_count(line, 'input_tokens'):,}")
    yield _text(f"{_count(line, 'output_tokens'):,}")
    yield _text("?", "yellow") if unknown == calls else _text(_dollars(cost))
    noted = [f"{unknown:,} unpriced"] if unknown else []
    yield _text(", ".join(noted + ([f"{simulated:,} simulated"] if simulated else [])), "yellow")


def _dollars(amount: float) -> str:
    """Two digits behind the point, and four of what is less than a dollar."""
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.4f}" if amount >= 0.0001 else "<$0.0001"


def _first_line(text: Json) -> str:
    return str(text).partition("\n")[0]


def print_event(event: Event, *, as_json: bool) -> None:
    if as_json:
        whole = {"seq": event.seq, "kind": event.kind, "at": event.at, "path": event.path, "data": event.data}
        typer.echo(json.dumps(whole, ensure_ascii=False))
        return
    # A person wants the facts; that there are none of some kind is no fact.
    facts = {name: value for name, value in event.data.items() if value not in (None, False)}
    data = json.dumps(facts, ensure_ascii=False)
    shown = data if len(data) <= _LONGEST_DATA else f"{data[:_LONGEST_DATA]}..."
    kind, path = (f"{event.kind:<22}", "bold"), f"  {event.path or '':<20}  "
    out().print(words(f"{event.seq:>5}  {clock_time(event.at)}  ", kind, path, (shown, "dim")), soft_wrap=True)


# --- the parts of a table ---------------------------------------------------------------------------------------------


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for title in titles:
        # What is copied or compared stays on one line; the other columns share what room is left.
        table.add_column(title, no_wrap=title in _WHOLE, overflow="fold")
    return table


def _print(table: Table, nothing: str) -> None:
    out().print(table if table.row_count else words((nothing, "dim")))


def _status(status: Json) -> Text:
    name = str(status)
    return words((f"{sign(name, out().encoding)} {name}", style(name)))


def _text(value: Json, colour: str = "") -> Text:
    return Text(harmless(str(value)), colour)


def _error(execution: JsonObject) -> Text | None:
    error = execution.get("error")
    return _text(error.get("message"), "red") if isinstance(error, dict) else None


def _took(execution: JsonObject) -> str:
    ended = execution.get("completed_at")
    return "" if ended is None else length(instant(ended) - instant(execution["started_at"]))


def _count(body: JsonObject, name: str) -> int:
    return int(cast(int, body.get(name) or 0))


def _objects(value: Json) -> Iterable[JsonObject]:
    return cast(Sequence[JsonObject], value)
