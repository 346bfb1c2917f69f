"""One agent worker for all tests of a process: it takes seconds to start. The fakes it calls are there before it is."""

from collections.abc import Iterator

import pytest

from tests.agents.agent_worker import AgentWorker, agent_worker
from tests.agents.keys import CANARIES, ENVIRONMENT, HOME_WIRES, addresses, found_in
from tests.agents.upstreams.asked import Asked
from tests.agents.upstreams.reply import Reply
from tests.agents.upstreams.upstream import Upstream


class NothingScripted(Exception):
    def __init__(self, asked: Asked) -> None:
        super().__init__(f"no test has said what to answer to {asked.question!r}")


def _unscripted(asked: Asked) -> Reply:
    raise NothingScripted(asked)


@pytest.fixture(scope="session")
def _home() -> Iterator[Upstream]:
    with Upstream(_unscripted, *HOME_WIRES) as upstream:
        yield upstream


@pytest.fixture
def home(_home: Upstream) -> Iterator[Upstream]:
    """What the worker's environment calls OpenAI, Anthropic, Gemini, Bedrock and the on-premises server. It knows the
    worker's keys and no others; a test says what it answers by `home.respond`.
    """
    _home.calls.clear()
    yield _home
    _home.respond = _unscripted
    _home.check_script()


@pytest.fixture(scope="session")
def agents(_home: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentWorker]:
    """A worker with a key for every provider, which may call loopback. At its end no key is in any file."""
    folder = tmp_path_factory.mktemp("agents")
    with agent_worker(
        folder, {**ENVIRONMENT, **addresses(_home)}, "--allow-loopback", "--log-level", "debug"
    ) as worker:
        yield worker
        worker.server.terminate()
    assert found_in(folder) == {}, CANARIES
