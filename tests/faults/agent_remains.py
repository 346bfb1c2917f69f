"""Reads what is left of a fault test of agents: from the server while it runs, then from its database."""

import asyncio
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tests.agents.upstreams.upstream import Upstream
from tests.faults.agent_evidence import Agent, Booked, Evidence, Run, Shown
from tests.faults.agent_script import STEP
from tests.faults.evidence import Order
from tests.serving.client import Client
from tests.serving.process import ServerProcess
from workflow_engine.journal.opening import journal_for

READERS: Final = 2


def gathered(
    server: ServerProcess, database_url: str, orders: Sequence[Order], log: Path, upstream: Upstream
) -> Evidence:
    """Stops the server: the histories are read when nobody writes them any more."""
    listed = [each["execution_id"] for each in server.client.executions()]
    ids = sorted(set(listed))
    with ThreadPoolExecutor(READERS) as pool:
        told = list(pool.map(lambda each: _told(server.client, each), ids))
    assert server.terminate() == 0, server.log[-4_000:]
    stored = asyncio.run(_stored(database_url, ids))
    agents = {
        each: Agent(results, messages, history, booked)
        for each, (results, messages, booked), history in zip(ids, told, stored, strict=True)
    }
    return Evidence(orders, listed, agents, _runs(log), _shown(upstream))


def longest_pause(evidence: Evidence) -> float:
    """Seconds between two events of one execution, the longest of all."""
    instants = [[event["at"] for event in agent.stored] for agent in evidence.agents.values()]
    return max((later - earlier for each in instants for earlier, later in pairwise(each)), default=0.0)


def _told(client: Client, execution_id: str) -> tuple[Any, list[Any], Booked]:
    results = client.get(f"/executions/{execution_id}/results").body
    messages = client.get(f"/executions/{execution_id}/steps/{STEP}/messages").body["messages"]
    total = client.get(f"/usage?execution_id={execution_id}").body["total"]
    return results, messages, Booked(total["calls"], total["input_tokens"], total["simulated_calls"])


async def _stored(database_url: str, ids: Sequence[str]) -> list[list[dict[str, Any]]]:
    journal = journal_for(database_url, wait_for_ownership=True)
    await journal.open()
    try:
        return [
            [{"seq": entry.seq, **asdict(entry.event)} for entry in await journal.history("default", each)]
            for each in ids
        ]
    finally:
        await journal.close()


def _runs(log: Path) -> list[Run]:
    return [Run(**json.loads(line)) for line in log.read_text().splitlines()]


def _shown(upstream: Upstream) -> list[Shown]:
    return [
        Shown(int(asked.question), asked.turn + 1, tuple(result.text for result in asked.tool_results))
        for asked in upstream.asked
    ]
