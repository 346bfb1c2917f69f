"""The core reads no clock, no chance, no environment, and decides the same in every process."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
CORE = sorted(path for room in ("history", "execution") for path in (CHECKOUT / "workflow_engine" / room).glob("*.py"))
PURE_LIBRARY = {"collections", "dataclasses", "enum", "hashlib", "heapq", "math", "typing"}
PURE_ROOMS = {"definition", "errors", "execution", "expressions", "history", "jsontext", "steps"}
PURE_OF_STEPS = {"workflow_engine.steps.contract"}

REPLAY = """
import builtins, datetime, hashlib, os, random, secrets, socket, time, uuid
from tests.history.recordings import recordings
from workflow_engine.execution.decide import decide
from workflow_engine.execution.execution import Execution
from workflow_engine.history.encoding import encode_events

kept = list(recordings())

def forbidden(*_args, **_more):
    raise AssertionError("the core asked the world outside")

for module, names in (
    (time, ("time", "time_ns", "monotonic", "perf_counter", "sleep")),
    (random, ("random", "randint", "choice")),
    (secrets, ("randbits", "token_bytes")),
    (os, ("urandom", "getenv", "open")),
    (uuid, ("uuid4", "uuid1")),
    (socket, ("socket",)),
    (builtins, ("open", "input", "print")),
):
    for name in names:
        setattr(module, name, forbidden)

seen = hashlib.sha256()
for recording in kept:
    execution = Execution("e1", recording.plan)
    for entering, _ in recording.turns:
        seen.update(encode_events(decide(execution, entering)))
os.write(1, seen.hexdigest().encode())
"""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def is_pure(module: str) -> bool:
    package, *rooms = module.split(".")
    if package != "workflow_engine":
        return package in PURE_LIBRARY
    return rooms[0] in PURE_ROOMS and (rooms[0] != "steps" or module in PURE_OF_STEPS)


@pytest.mark.parametrize("path", CORE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_core_imports_nothing_but_what_is_pure(path: Path) -> None:
    assert [module for module in imported(path) if not is_pure(module)] == []


@pytest.mark.parametrize("path", CORE, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_core_keeps_nothing_between_two_calls(path: Path) -> None:
    """Module globals are constants: nobody may change one while the program runs."""
    tree = ast.parse(path.read_text())
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Global | ast.Nonlocal)] == []
    mutable = [
        node.lineno
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set)
    ]
    assert mutable == []


def test_every_process_decides_the_same_and_asks_nobody() -> None:
    seeds = ("0", "1", "4242")
    running = [
        subprocess.Popen(
            [sys.executable, "-c", REPLAY],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for seed in seeds
    ]
    answers = [process.communicate(timeout=60) for process in running]

    assert [process.returncode for process in running] == [0, 0, 0], answers
    assert len(answers[0][0]) == 64
    assert len({digest for digest, _ in answers}) == 1
