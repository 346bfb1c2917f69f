"""`python -m workflow_engine.testing --grpc HOST:PORT --rest URL`: play every scenario against a server."""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from workflow_engine.testing.control import ShellControl
from workflow_engine.testing.errors import Refused
from workflow_engine.testing.report import Outcome, Verdict
from workflow_engine.testing.runner import AT_ONCE, run
from workflow_engine.testing.scenarios import SCENARIOS
from workflow_engine.testing.scenarios.scenario import Scenario
from workflow_engine.testing.target import TRANSPORTS, Target


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 when nothing failed, 1 when something did, 2 when nothing could be played."""
    parser = _parser()
    given = parser.parse_args(arguments)
    scenarios = [one for one in SCENARIOS if _is_wanted(one, given.only)]
    if given.list:
        _tell(*(f"{one.room:<12} {one.name}" for one in scenarios))
        return 0
    if given.grpc is None and given.rest is None:
        parser.error("give --grpc HOST:PORT, --rest URL, or both")
    if not scenarios:
        parser.error("no scenario is called so; --list shows them all")
    target = _target(given)
    unreachable = set(given.transport or ()) - set(target.transports)
    if unreachable:
        parser.error(
            f"--transport {' '.join(sorted(unreachable))} needs {'--rest' if 'rest' in unreachable else '--grpc'}"
        )
    try:
        report = asyncio.run(run(target, scenarios, given.transport, at_once=given.at_once, show=_show))
    except Refused as refused:
        _tell(f"the server does not open a session: {refused}")
        return 2
    _tell("", *report.lines())
    return 1 if report.failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m workflow_engine.testing", description="Conformance of a server to the worker protocol."
    )
    add = parser.add_argument
    add("--grpc", metavar="HOST:PORT", help="the gRPC face: transports stream and unary")
    add("--rest", metavar="URL", help="the REST face: transport rest")
    add("--transport", action="append", choices=TRANSPORTS, help="only this one; may be repeated")
    add(
        "--only",
        action="append",
        metavar="TEXT",
        help="only scenarios whose room or name has this text; may be repeated",
    )
    add("--api-key", help="a key with the scopes execute, register and admin")
    add("--other-api-key", help="a key of somebody else with the scope register, for the scenarios about ownership")
    add("--ca", type=Path, metavar="FILE", help="PEM of the authority of the server's certificate, for TLS")
    add(
        "--crash-command",
        metavar="SHELL",
        help="kills the server at once and starts it again; returns when it is ready",
    )
    add(
        "--restart-command",
        metavar="SHELL",
        help="stops the server gently and starts it again; returns when it is ready",
    )
    add(
        "--at-once",
        type=int,
        default=AT_ONCE,
        metavar="N",
        help=f"scenarios that play at the same time (default {AT_ONCE})",
    )
    add("--list", action="store_true", help="show the scenarios and play none")
    return parser


def _target(given: argparse.Namespace) -> Target:
    has_power = given.crash_command is not None or given.restart_command is not None
    return Target(
        grpc=given.grpc,
        rest=given.rest,
        api_key=given.api_key,
        other_api_key=given.other_api_key,
        certificate=given.ca.read_bytes() if given.ca else None,
        control=ShellControl(given.crash_command, given.restart_command) if has_power else None,
    )


def _is_wanted(scenario: Scenario, only: Sequence[str] | None) -> bool:
    return not only or any(text in scenario.name or text == scenario.room for text in only)


def _show(outcome: Outcome) -> None:
    if outcome.verdict is not Verdict.SKIPPED:
        _tell(f"{outcome.verdict}  {outcome.transport:<6}  {outcome.seconds:5.1f}s  {outcome.scenario}")


def _tell(*lines: str) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
