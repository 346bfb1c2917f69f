"""Every error a caller can be answered with, from the error tree: its code, its status, and the sentence it writes.

The sentence is read from the source of the class, where facts are put in at run time: those stand as `…`.
"""

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator

import workflow_engine
from docs.tables.markdown import code, first_sentence, table
from workflow_engine.errors import RefusedToStart, WorkflowEngineError

_NOT_ANSWERED = (
    "workflow_engine.cli",
    "workflow_engine.__main__",
    "workflow_engine.agents.worker",
    "workflow_engine.test_",
)


def errors() -> str:
    """A family that says nothing of itself has no row, nor has a class that is answered with the code of its parent."""
    rows = [
        (str(each.http_status), code(each.grpc_status), code(each.code), _says(each))
        for each in sorted(answered(), key=_by_status_and_code)
        if "code" in vars(each) and _says(each)
    ]
    return table(["HTTP", "gRPC", "code", "says"], rows)


def answered() -> list[type[WorkflowEngineError]]:
    """Every class a face may translate: not what refuses the start, and not what only ever counts as our own bug."""
    _import_everything()
    return [each for each in dict.fromkeys(_below(WorkflowEngineError)) if _is_ours(each) and _is_answered(each)]


def _import_everything() -> None:
    for module in pkgutil.walk_packages(workflow_engine.__path__, "workflow_engine."):
        if not module.name.startswith(_NOT_ANSWERED):
            importlib.import_module(module.name)


def _below(error: type[WorkflowEngineError]) -> Iterator[type[WorkflowEngineError]]:
    for child in error.__subclasses__():
        yield child
        yield from _below(child)


def _is_ours(error: type[WorkflowEngineError]) -> bool:
    return error.__module__.startswith("workflow_engine.") and not error.__module__.startswith(_NOT_ANSWERED)


def _is_answered(error: type[WorkflowEngineError]) -> bool:
    return error.http_status != 500 and not issubclass(error, RefusedToStart)


def _by_status_and_code(error: type[WorkflowEngineError]) -> tuple[int, str]:
    return error.http_status, error.code


def _says(error: type[WorkflowEngineError]) -> str:
    return _written_sentence(error) or first_sentence(error.__doc__)


def _written_sentence(error: type[WorkflowEngineError]) -> str:
    """What `super().__init__(...)` is given, where that is text."""
    if "__init__" not in vars(error):
        return ""
    tree = ast.parse(textwrap.dedent(inspect.getsource(error)))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_super_init(node)]
    return _text(calls[0].args[0]) if calls and calls[0].args else ""


def _is_super_init(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr == "__init__"


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "…" for part in node.values)
    return ""
