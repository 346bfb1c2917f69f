"""Parts that the tests share. Names of fixtures are their own documentation."""

from collections.abc import AsyncIterator

import pytest

from workflow_client.testing import FakeServer


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    running = await FakeServer().start()
    yield running
    await running.stop()
