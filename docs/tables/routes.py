"""Every route of the REST server, from its own OpenAPI document, a table for each tag."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI

from docs.tables.markdown import code, table
from workflow_engine.rest.app import READ, ROUTERS, WRITTEN
from workflow_engine.rest.documentation import TAGS, openapi_document
from workflow_engine.rest.wire import ENGINE_VERSION

_HEAD: Final = ("method", "path", "does", "query", "headers")


def routes() -> str:
    operations = list(_operations(document()))
    return "\n\n".join(_section(tag, operations) for tag in TAGS)


def document() -> Mapping[str, Any]:
    """The OpenAPI document a server answers with. It needs the routes only, so no engine is opened for it."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    return openapi_document(app, ENGINE_VERSION, READ, WRITTEN)


def _operations(openapi: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _section(tag: Mapping[str, str], operations: Sequence[tuple[str, str, Mapping[str, Any]]]) -> str:
    rows = [
        (code(method), code(path), operation["summary"], _names(operation, "query"), _names(operation, "header"))
        for method, path, operation in operations
        if tag["name"] in operation.get("tags", ())
    ]
    return f"### {tag['name'].capitalize()}\n\n{tag['description']}\n\n{table(_HEAD, rows)}"


def _names(operation: Mapping[str, Any], place: str) -> str:
    return ", ".join(code(each["name"]) for each in operation.get("parameters", ()) if each["in"] == place)
