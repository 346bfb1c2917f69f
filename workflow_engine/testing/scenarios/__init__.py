"""Every rule of the protocol as a scenario, room by room."""

from workflow_engine.testing.scenarios import (
    cancelling,
    draining,
    leases,
    losses,
    opening,
    registering,
    results,
    saying,
    sessions,
    slots,
    suspending,
    unserved,
)
from workflow_engine.testing.scenarios.scenario import Scenario

ROOMS = (
    opening,
    registering,
    leases,
    slots,
    sessions,
    draining,
    cancelling,
    results,
    saying,
    suspending,
    losses,
    unserved,
)

SCENARIOS: tuple[Scenario, ...] = tuple(scenario for room in ROOMS for scenario in room.ROOM.scenarios)
