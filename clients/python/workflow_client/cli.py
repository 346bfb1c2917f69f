"""Runs the worker of a module: `python -m workflow_client MODULE[:WORKER]`, `workflow-engine worker run` the same."""

import argparse
import importlib
import logging
import os
import sys
from collections.abc import Sequence
from types import ModuleType

from workflow_client.errors import InvalidWorker, LeftByServer, WorkerError
from workflow_client.worker import Worker


def run_module(module: str, *, target: str | None = None, slots: int | None = None, api_key: str | None = None) -> None:
    """Serves the worker that `module` (`package.module` or `package.module:name`) holds, until it is drained.

    What is given here wins over what the module says. Raises WorkerError with what to change.
    """
    worker = load(module)
    worker.adjust(target=target, slots=slots, api_key=api_key)
    worker.run()


def load(module: str) -> Worker:
    """A worker by its name; without one the only worker of the module."""
    name, _, attribute = module.partition(":")
    found = _imported(name)
    if attribute:
        worker = getattr(found, attribute, None)
        if not isinstance(worker, Worker):
            raise InvalidWorker(f"{module!r} is no Worker; write MODULE:NAME with the name of one")
        return worker
    workers = {key: value for key, value in vars(found).items() if isinstance(value, Worker)}
    if len({id(worker) for worker in workers.values()}) != 1:
        names = ", ".join(sorted(workers)) or "none"
        raise InvalidWorker(f"Module {name!r} must hold one Worker, it holds {names}; say which by {name}:NAME")
    return next(iter(workers.values()))


def _imported(name: str) -> ModuleType:
    """Also from the working directory, as a program that lies there would be. `path/to/file.py` is taken, too."""
    if name.endswith(".py"):
        folder, file = os.path.split(os.path.abspath(name))
        sys.path.insert(0, folder)
        name = file.removesuffix(".py")
    elif os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as failure:
        if failure.name is None or not (name == failure.name or name.startswith(failure.name + ".")):
            raise  # something the module itself imports
        raise InvalidWorker(f"There is no module {name!r} here; run this where it lies, or install it") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 drained, 1 the worker cannot run, 128 + signal when it was made to quit."""
    parser = argparse.ArgumentParser(prog="python -m workflow_client", description="Serves the worker of a module.")
    parser.add_argument("module", metavar="MODULE[:WORKER]", help="a module or a .py file that holds a Worker")
    parser.add_argument("--target", help="host:port of the server; wins over the module")
    parser.add_argument("--slots", type=int, help="the most steps at once; wins over the module")
    parser.add_argument("--log-level", default="INFO", help="DEBUG, INFO, WARNING or ERROR")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=given.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        run_module(given.module, target=given.target, slots=given.slots)
    except LeftByServer as failure:
        print(f"The server will not have this worker: {failure}", file=sys.stderr)  # noqa: T201  # a program's own error
        return 1
    except WorkerError as failure:
        print(failure, file=sys.stderr)  # noqa: T201  # as above
        return 1
    return 0
