"""A fake that is not ours (`@copilotkit/aimock`, npm), as a process: it shows that we understand what others say.

It speaks OpenAI, Anthropic and Gemini by `tests/agents/aimock/fixtures.json`. What it cannot do, ours does: it verifies
no signature, its answers are no functions of a test, and it never answers late, halfway or malformed when it is told.
"""

import fcntl
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.serving.process import CHECKOUT, environment

TOOLS: Final = ("node", "npm")
OLDEST_NODE: Final = (20, 15)
FOLDER: Final = CHECKOUT / "tests" / "agents" / "aimock"
INSTALLED: Final = FOLDER / "node_modules" / ".package-lock.json"
PROGRAM: Final = FOLDER / "node_modules" / "@copilotkit" / "aimock" / "dist" / "cli.js"
INSTALL_SECONDS: Final = 90.0
LISTENING: Final = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")


class NodeTooOld(Exception):
    def __init__(self, version: str) -> None:
        wanted = ".".join(str(part) for part in OLDEST_NODE)
        super().__init__(f"node {version} is too old for aimock: get {wanted} or newer")


class NotInstalled(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(f"npm ci in {FOLDER.relative_to(CHECKOUT)} failed:\n{said[-2_000:]}")


class NotListening(Exception):
    def __init__(self, said: str) -> None:
        super().__init__(f"aimock ended before it listened:\n{said[-2_000:]}")


def check_node() -> None:
    """Raises `NodeTooOld`."""
    version = subprocess.run(("node", "--version"), capture_output=True, text=True, timeout=30, check=True).stdout
    found = tuple(int(part) for part in version.strip().lstrip("v").split(".")[:2])
    if found < OLDEST_NODE:
        raise NodeTooOld(version.strip())


def install() -> None:
    """Once, by the lock file; tests in other processes wait. Raises `NotInstalled`."""
    place = os.open(FOLDER, os.O_RDONLY)
    try:
        fcntl.flock(place, fcntl.LOCK_EX)
        if not _is_current():
            done = subprocess.run(
                ("npm", "ci", "--silent", "--ignore-scripts"),
                cwd=FOLDER,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=INSTALL_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise NotInstalled(done.stdout)
            os.utime(INSTALLED)
    finally:
        os.close(place)


def _is_current() -> bool:
    return INSTALLED.exists() and INSTALLED.stat().st_mtime > (FOLDER / "package-lock.json").stat().st_mtime


@contextmanager
def aimock(log: Path) -> Iterator[str]:
    """Its URL. What it prints is in `log` at the end. Raises `NotInstalled`, `NotListening`."""
    install()
    process = subprocess.Popen(
        ("node", PROGRAM, "--port", "0", "--strict", "--chunk-size", "8", "--fixtures", FOLDER / "fixtures.json"),
        cwd=FOLDER,
        env=environment({}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = ""
    try:
        while (found := LISTENING.search(said)) is None:
            if not (line := process.stdout.readline()):
                raise NotListening(said)
            said += line
        yield found[1]
    finally:
        process.kill()
        log.write_text(said + process.communicate()[0])
