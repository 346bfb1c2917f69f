"""The fault test of workers in short (`python -m tests.faults.workers` is the long one), and two builds it refuses."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.worker_kinds import ALTERED, KINDS
from tests.faults.workers import fault_test

CYCLES = 2
SHORT = [name for name in KINDS if name != "reconnect-storm"]
"""A storm of 500 sessions belongs into the long test."""

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("kind", SHORT)
def test_no_fault_of_workers_servers_or_networks_loses_a_step_or_does_it_twice(kind: str, tmp_path: Path) -> None:
    report = fault_test(kind, f"sqlite:///{tmp_path / 'faults.db'}", tmp_path, CYCLES, seed=4)

    assert report.violations == []
    assert report.figures["answered OK"] > 0


def test_a_lost_worker_is_survived_on_postgresql(postgres_url: str, tmp_path: Path) -> None:
    report = fault_test("freeze-worker", postgres_url, tmp_path, CYCLES, seed=5)

    assert report.violations == []
    assert report.figures["superseded"] > 0


def test_a_server_that_takes_results_without_looking_at_the_fence_is_found_out(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'faults.db'}"
    report = fault_test("freeze-worker", url, tmp_path, CYCLES, seed=6, program=(*ALTERED, "without-fence"))

    assert any("was the latest" in line for line in report.violations), report


def test_a_server_whose_leases_run_on_the_wall_clock_is_found_out(tmp_path: Path) -> None:
    assert any(
        "before the lease of" in line
        for seed in range(7, 14)
        for line in _with_leases_on_the_wall_clock(tmp_path, seed)
    )


def _with_leases_on_the_wall_clock(place: Path, seed: int) -> Sequence[str]:
    """The violations of one run. Whether a jump meets a lease that somebody takes over in time is left to chance."""
    folder = place / str(seed)
    folder.mkdir()
    url = f"sqlite:///{folder / 'faults.db'}"
    program = (*ALTERED, "leases-on-the-wall-clock")
    return fault_test("jump-clock", url, folder, 2 * CYCLES, seed=seed, program=program).violations
