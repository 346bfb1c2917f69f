"""Every scenario of the conformance kit over every transport, against a real server process."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product

import pytest

from tests.kit.server import started
from tests.serving.process import ServerProcess, server_processes
from workflow_engine.testing import SCENARIOS, Report, Target, run
from workflow_engine.testing.target import TRANSPORTS

ROOMS = tuple(dict.fromkeys(one.room for one in SCENARIOS))
RESTARTING = tuple(one for one in SCENARIOS if one.alone)

every_transport = pytest.mark.parametrize("transport", TRANSPORTS)


@contextmanager
def _server(factory: pytest.TempPathFactory, **settings: object) -> Iterator[tuple[ServerProcess, Target]]:
    folder = factory.mktemp("kit")
    with server_processes(folder) as serve:
        yield started(serve, folder, **settings)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServerProcess, Target]]:
    """One server for all scenarios: it must keep them apart."""
    with _server(tmp_path_factory) as found:
        yield found


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("room", "transport"), list(product(ROOMS, TRANSPORTS)))
async def test_the_server_keeps_every_rule(served: tuple[ServerProcess, Target], room: str, transport: str) -> None:
    server, target = served
    scenarios = [one for one in SCENARIOS if one.room == room and not one.alone]
    report = await run(target, scenarios, [transport])
    _all_well(report, server, skipped=sum(transport not in one.transports for one in scenarios))


@pytest.mark.timeout(300)
@every_transport
async def test_workers_outlive_a_server_that_crashes_or_restarts(
    tmp_path_factory: pytest.TempPathFactory, transport: str
) -> None:
    # A busy machine takes its time to start a server; the leases of before must not run out meanwhile.
    with _server(tmp_path_factory, workers__lease_seconds=15) as (server, target):
        report = await run(target, RESTARTING, [transport])
        _all_well(report, server, skipped=0)


def _all_well(report: Report, server: ServerProcess, skipped: int) -> None:
    assert not report.failures, "\n".join(report.lines())
    assert len(report.skipped) == skipped, "\n".join(report.lines())
    assert "Traceback" not in server.log
