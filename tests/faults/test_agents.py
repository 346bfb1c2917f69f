"""The fault test of agents in short (`python -m tests.faults.agents` is the long one)."""

import sys
from pathlib import Path

import pytest

from tests.faults.agent_script import TURNS
from tests.faults.agents import IN_THE_MIDDLE, fault_test

KILLS = 5

pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(sys.platform == "win32", reason="the test looks at processes as POSIX has them"),
]


def test_no_turn_is_lost_or_done_twice_however_often_server_and_agent_worker_die(tmp_path: Path) -> None:
    report = fault_test(f"sqlite:///{tmp_path / 'agents.db'}", tmp_path, KILLS, seed=8)

    assert report.violations == []
    assert len(report.in_the_middle) == KILLS
    assert min(report.in_the_middle) >= IN_THE_MIDDLE
    assert report.turns == TURNS * report.executions
    assert report.calls > report.turns, "no call of a model was ever interrupted, so nothing was tested"
