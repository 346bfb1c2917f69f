"""Python, the installation, and what the system allows a process."""

import platform
import sys
from collections.abc import Iterator
from typing import Final

from workflow_engine.cli.checks.finding import Finding, fail, ok, warn
from workflow_engine.layout import IncompleteInstallation, migrations_folder, plugins_folder
from workflow_engine.settings import Limits

_OLDEST_PYTHON: Final = (3, 11)
_FILES_FOR_OURSELVES: Final = 200
"""The database, its connections, plugins, calls to other hosts."""


def check_python() -> Finding:
    version = platform.python_version()
    if sys.version_info < _OLDEST_PYTHON:
        return fail("Python", version, "use Python 3.11 or newer")
    return ok("Python", version)


def check_installation() -> Finding:
    try:
        folder = plugins_folder()
        migrations_folder()
    except IncompleteInstallation as error:
        return fail("installation", str(error), "install workflow-engine again")
    return ok("installation", f"built-in step types in {folder}")


def check_open_files(limits: Limits) -> Iterator[Finding]:
    """Nothing on systems that do not count open files."""
    try:
        import resource
    except ImportError:
        return
    allowed, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = limits.max_connections + _FILES_FOR_OURSELVES
    if 0 <= allowed < needed:
        yield warn(
            "open files",
            f"this process may open {allowed} files, and {limits.max_connections} connections need {needed}",
            f"raise the limit (ulimit -n {needed}) or lower WORKFLOW_ENGINE_LIMITS__MAX_CONNECTIONS",
        )
    else:
        yield ok("open files", f"{'unlimited' if allowed < 0 else allowed} allowed")
