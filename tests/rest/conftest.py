"""One server for all tests that leave no trace in it."""

from collections.abc import Iterator

import httpx2
import pytest

from tests.rest.serving import Served, serving


@pytest.fixture(scope="package")
def served() -> Iterator[Served]:
    with serving() as server:
        yield server


@pytest.fixture
def client(served: Served) -> Iterator[httpx2.Client]:
    with served.client() as connected:
        yield connected
