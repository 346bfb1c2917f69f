"""`workflow-engine doctor`: look at everything a server depends on, and say what to change."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import typer

from workflow_engine.cli.console import out, words
from workflow_engine.cli.failures import FAILED
from workflow_engine.cli.options import DatabaseUrl

if TYPE_CHECKING:
    from workflow_engine.cli.checks.finding import Finding
    from workflow_engine.settings import Settings

_COLOURS: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(database_url: DatabaseUrl = None) -> None:
    """Check what a server depends on and say what to change.

    \b
    Exit codes: 0  a server can start here
                1  something must be changed first
    """
    console, worst = out(), "ok"
    for finding in _findings(database_url):
        console.print(
            words((f"{finding.level:<4}", _COLOURS[finding.level]), f"  {finding.subject:<12}  {finding.message}")
        )
        if finding.advice:
            console.print(words(("                    -> ", "dim"), finding.advice))
        worst = "fail" if "fail" in (worst, finding.level) else worst
    if worst == "fail":
        raise typer.Exit(FAILED)


def _findings(database_url: str | None) -> "Iterator[Finding]":
    """One after the other as they are found; without readable settings the rest could only be guessed."""
    from workflow_engine.cli.checks.finding import fail, ok
    from workflow_engine.cli.checks.machine import check_installation, check_python
    from workflow_engine.settings import InvalidSettings, load_settings

    yield check_python()
    yield check_installation()
    try:
        settings = load_settings(database_url=database_url)
    except InvalidSettings as invalid:
        for problem in invalid.problems():
            yield fail("settings", problem.message, "change it and ask the doctor again; the rest depends on it")
        return
    yield ok("settings", "every variable is known and in range")
    yield from _surroundings(settings)


def _surroundings(settings: "Settings") -> "Iterator[Finding]":
    from workflow_engine.cli.checks.listening import check_listening_address
    from workflow_engine.cli.checks.machine import check_open_files
    from workflow_engine.cli.checks.plugins import check_plugins
    from workflow_engine.cli.checks.providers import check_providers
    from workflow_engine.cli.checks.storage import check_storage
    from workflow_engine.logs import configure
    from workflow_engine.settings import surroundings

    configure(settings.log_format, "error")  # the findings say it better
    yield from check_storage(settings)
    yield from check_listening_address(settings)
    yield from check_open_files(settings.limits)
    yield from check_plugins(settings)
    yield from check_providers(surroundings(), settings)
