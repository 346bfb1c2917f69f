"""The fakes that run as processes of their own, started and killed by tests."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.serving.process import CHECKOUT, environment

MCP_COMMAND: Final = (sys.executable, "-m", "tests.agents.upstreams.mcp_server", "--stdio")
"""How an administrator would name the fake as a stdio server; it wants `PYTHONPATH` to be the checkout."""


@contextmanager
def mcp_over_http(key: str | None = None, port: int = 0) -> Iterator[str]:
    """The URL of a fake MCP server."""
    guarded = ["--key", key] if key else []
    with _printing_its_port("tests.agents.upstreams.mcp_server", "--port", str(port), *guarded) as port:
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def upstream_process(*arguments: str) -> Iterator[str]:
    """The URL of a fake provider in a process of its own; the arguments are those of `tests.agents.upstreams`."""
    with _printing_its_port("tests.agents.upstreams", *arguments) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def _printing_its_port(module: str, *arguments: str) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=CHECKOUT,
        env=environment({}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline() or b"-1")
    finally:
        process.kill()
        process.communicate()
