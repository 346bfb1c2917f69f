"""The version stands in one place."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from workflow_engine.version import VERSION

CHECKOUT = Path(__file__).parents[1]


def test_the_build_takes_the_version_from_the_program() -> None:
    assert version("workflow-engine") == VERSION


def test_a_checkout_that_was_never_installed_knows_its_version() -> None:
    """`pip install -r requirements.txt` installs what the program needs, and not the program."""
    hidden = (
        "import importlib.metadata as m\ndef version(name): raise m.PackageNotFoundError(name)\nm.version = version\n"
    )
    program = hidden + "from workflow_engine.cli.app import main\nmain(['version'])"
    asked = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    assert asked.stdout.startswith(f"workflow-engine {VERSION}"), asked.stderr
