"""What the tests of the worker share."""

from collections.abc import AsyncIterator

import pytest
from workflow_client.testing import FakeServer


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    """A server that speaks the worker protocol and hands out what a test assigns."""
    running = await FakeServer().start()
    yield running
    await running.stop()
