"""Plays scenarios against a server: several at once, those that restart it alone and last."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from workflow_engine.identifiers import new_id
from workflow_engine.testing.errors import NotPlayed, Refused, Violation
from workflow_engine.testing.report import Outcome, Report, Verdict
from workflow_engine.testing.scenarios.scenario import Scenario
from workflow_engine.testing.stage import Stage, Terms
from workflow_engine.testing.target import Target
from workflow_engine.testing.transports.contract import Opening

AT_ONCE: Final = 8
LEASES_A_SCENARIO: Final = 6
LONGEST_SECONDS: Final = 60.0
"""Of one scenario, beside the leases it waits for."""

Show = Callable[[Outcome], None]


async def terms_of(target: Target) -> Terms:
    """What the server says in Welcome. Raises `Refused`."""
    transport = target.transport(target.transports[0])
    try:
        session = await transport.open(Opening(f"kit.{_unique()}"))
        await session.drop()
        return Terms.of(session.welcome)
    finally:
        await transport.close()


async def run(
    target: Target,
    scenarios: Sequence[Scenario],
    transports: Iterable[str] | None = None,
    *,
    at_once: int = AT_ONCE,
    show: Show = lambda _outcome: None,
) -> Report:
    """Every scenario over every transport; `show` is told each outcome as it comes. Raises `Refused` when the server
    does not even open a session.
    """
    terms = await terms_of(target)
    places = asyncio.Semaphore(at_once)

    async def in_turn(scenario: Scenario, transport: str) -> Outcome:
        async with places:
            outcome = await play(target, scenario, transport, terms)
            show(outcome)
            return outcome

    plays = list(product(scenarios, transports or target.transports))
    together = await asyncio.gather(*(in_turn(*each) for each in plays if not each[0].alone))
    alone = [await in_turn(*each) for each in plays if each[0].alone]
    found = {(one.scenario, one.transport): one for one in (*together, *alone)}
    return Report(tuple(found[scenario.name, transport] for scenario, transport in plays))


async def play(target: Target, scenario: Scenario, transport: str, terms: Terms) -> Outcome:
    """One scenario over one transport; whatever it raises is its outcome."""
    outcome = Outcome(scenario.name, scenario.rule, transport, Verdict.PASSED)
    if transport not in scenario.transports:
        return replace(outcome, verdict=Verdict.SKIPPED, reason=f"it is about {' and '.join(scenario.transports)} only")
    begun = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_SECONDS + LEASES_A_SCENARIO * terms.lease):
            await _on_stage(target, scenario, transport, terms)
    except NotPlayed as skipped:
        return replace(outcome, verdict=Verdict.SKIPPED, reason=str(skipped))
    except Violation as violation:
        return replace(outcome, verdict=Verdict.FAILED, reason=str(violation))
    except Refused as refused:
        return replace(outcome, verdict=Verdict.FAILED, reason=f"the server refused: {refused}")
    except TimeoutError:
        return replace(outcome, verdict=Verdict.FAILED, reason="it did not come to an end in time")
    except Exception as broken:  # noqa: BLE001  # an answer no scenario expects, such as a field that is missing: told
        return replace(outcome, verdict=Verdict.FAILED, reason=f"an answer cannot be understood: {broken!r}")
    return replace(outcome, seconds=time.monotonic() - begun)


async def _on_stage(target: Target, scenario: Scenario, transport: str, terms: Terms) -> None:
    other = target.other_client(transport)
    stage = Stage(
        name=f"kit.{_unique()}",
        transport=target.transport(transport),
        client=target.client(transport),
        terms=terms,
        other_client=other,
        control=target.control,
    )
    try:
        await scenario.play(stage)
    finally:
        await stage.clear()
        await stage.transport.close()
        await stage.client.close()
        if other is not None:
            await other.close()


def _unique() -> str:
    """A letter first: it is part of the name of a step type."""
    return f"t{new_id().replace('-', '')[-12:]}"
