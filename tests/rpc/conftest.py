"""A server of its own for each test that needs no other settings, and a channel to it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from grpc import aio

from tests.rpc.serving import Served, agent_service, registry, serving, workflows

if TYPE_CHECKING:
    from workflow_engine.rpc.generated.agent_pb2_grpc import AgentServiceAsyncStub
    from workflow_engine.rpc.generated.registry_pb2_grpc import RegistryServiceAsyncStub
    from workflow_engine.rpc.generated.workflow_pb2_grpc import WorkflowServiceAsyncStub


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with serving() as server:
        yield server


@pytest.fixture
async def channel(served: Served) -> AsyncIterator[aio.Channel]:
    async with served.channel() as opened:
        yield opened


@pytest.fixture
def flows(channel: aio.Channel) -> "WorkflowServiceAsyncStub":
    return workflows(channel)


@pytest.fixture
def steps(channel: aio.Channel) -> "RegistryServiceAsyncStub":
    return registry(channel)


@pytest.fixture
def agents(channel: aio.Channel) -> "AgentServiceAsyncStub":
    return agent_service(channel)
