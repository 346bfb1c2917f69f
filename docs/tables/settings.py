"""Every setting with its range, default and sentence, a table for each group."""

from collections.abc import Iterator
from typing import Any

from docs.tables.markdown import code, table
from workflow_engine.settings import known_settings
from workflow_engine.settings.groups import Group
from workflow_engine.settings.listing import groups


def settings() -> str:
    return "\n\n".join(_group(path, group) for path, group in groups())


def _group(path: tuple[str, ...], group: type[Group]) -> str:
    schema = group.model_json_schema()["properties"]
    rows = [
        (code(each.variable), code(each.default) or "none", _allowed(schema[each.path[-1]]), each.description)
        for each in known_settings()
        if each.path[:-1] == path
    ]
    title = " ".join(path).capitalize() or "Server"
    intro = " ".join((group.__doc__ or "").split())
    return f"### {title}\n\n{intro}\n\n{table(['variable', 'default', 'allowed', 'meaning'], rows)}"


def _allowed(schema: dict[str, Any]) -> str:
    """In words; a choice of `anyOf` is the one that is not null."""
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            schema = choice
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if schema.get("type") == "boolean":
        return "`true`, `false`"
    return " ".join(_bounds(schema))


def _bounds(schema: dict[str, Any]) -> Iterator[str]:
    if "exclusiveMinimum" in schema:
        yield f"above {schema['exclusiveMinimum']:g}"
    if "minimum" in schema:
        yield f"from {schema['minimum']:g}"
    if "maximum" in schema:
        yield f"to {_plain(schema['maximum'])}"


def _plain(value: float) -> str:
    return f"{value:,.0f}"
