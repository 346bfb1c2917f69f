"""Which providers can be asked, and who says so: the environment of the server, or workers of other machines."""

import pytest

from workflow_engine.agents.supervisor import Life, WorkerState
from workflow_engine.agents.worker_command import WORKER_ID
from workflow_engine.assembly import Engine
from workflow_engine.dispatch.workers.messages import Hello
from workflow_engine.dispatch.workers.session import Session
from workflow_engine.engine.caller import LOCAL, Caller
from workflow_engine.engine.providers import Providers, ProviderView
from workflow_engine.steps.agent_steps import MODEL_CALL

SECRET = "sk-very-secret"
HERE = {"OPENAI_API_KEY": SECRET, "WORKFLOW_ENGINE_CREDENTIAL_DOCS": SECRET, "WORKFLOW_ENGINE_CREDENTIAL_OLD": ""}


async def joined(engine: Engine, caller: Caller, worker_id: str, **labels: str) -> Session:
    session = engine.workers.open(caller, Hello(worker_id, labels=labels), "stream")
    await engine.workers.join(caller, session, [], [MODEL_CALL.name])
    return session


def named(providers: Providers, name: str) -> ProviderView:
    return next(view for view in providers.list(LOCAL) if view.name == name)


async def test_an_engine_that_starts_no_worker_has_no_provider() -> None:
    async with Engine.open("memory://") as engine:
        assert not any(view.configured for view in engine.providers.list(LOCAL))
        assert named(engine.providers, "openai").why == "set OPENAI_API_KEY"
        assert engine.providers.worker(LOCAL).status == "off"
        assert not engine.providers.is_served("default")


async def test_the_environment_configures_a_provider_and_no_value_is_told() -> None:
    async with Engine.open("memory://", environment=HERE) as engine:
        view = named(engine.providers, "openai")
        assert (view.configured, view.why, view.sources) == (True, "OPENAI_API_KEY is set", ("environment",))
        assert engine.providers.credentials(LOCAL) == ("DOCS",)
        assert engine.providers.is_configured("openai", "default")
        assert not engine.providers.is_configured("gemini", "default")
        assert SECRET not in repr((engine.providers.list(LOCAL), engine.providers.worker(LOCAL)))


async def test_until_its_own_worker_is_there_a_server_with_providers_counts_as_served() -> None:
    async with Engine.open("memory://", environment=HERE) as engine:
        assert engine.providers.worker(LOCAL).status == "starting"
        assert engine.providers.is_served("default")
        assert not engine.providers.is_elsewhere("default")


@pytest.mark.parametrize(
    ("life", "status", "is_served"),
    [(Life.OFF, "off", False), (Life.IDLE, "idle", False), (Life.RESTARTING, "restarting", True)],
)
async def test_the_state_of_its_own_worker_is_shown(life: Life, status: str, is_served: bool) -> None:
    async with Engine.open("memory://", environment=HERE) as engine:
        engine.providers.supervised(lambda: WorkerState(life, 7.0, restarts=2))
        view = engine.providers.worker(LOCAL)
        assert (view.status, view.since, view.restarts, view.connected) == (status, 7.0, 2, 0)
        assert engine.providers.is_served("default") is is_served


async def test_its_own_worker_runs_once_it_is_connected() -> None:
    async with Engine.open("memory://", environment=HERE) as engine:
        engine.providers.supervised(lambda: WorkerState(Life.RUNNING, 7.0))
        assert engine.providers.worker(LOCAL).status == "starting"
        own = engine.keys.authenticate(engine.keys.internal(["register"]))
        await joined(engine, own, WORKER_ID, providers="openai,mistral")
        assert (engine.providers.worker(LOCAL).status, engine.providers.worker(LOCAL).connected) == ("running", 1)
        assert not engine.providers.is_elsewhere("default")
        assert named(engine.providers, "openai").sources == ("environment",)


async def test_workers_of_other_machines_tell_what_they_have() -> None:
    async with Engine.open("memory://", environment=HERE) as engine:
        session = await joined(engine, LOCAL, "gpu-1", providers="openai, onprem,,mistral")
        assert engine.providers.is_elsewhere("default")
        assert engine.providers.is_configured("onprem", "default")
        assert named(engine.providers, "openai").sources == ("environment", "worker gpu-1")
        assert named(engine.providers, "onprem").why == "configured at worker gpu-1"
        assert named(engine.providers, "mistral").sources == ("worker gpu-1",)
        assert not named(engine.providers, "gemini").configured
        engine.workers.sessions.close(session)
        assert not engine.providers.is_configured("onprem", "default")


async def test_a_worker_of_another_machine_is_expected_back_after_a_restart(tmp_path: object) -> None:
    database = f"sqlite:///{tmp_path}/flows.db"
    async with Engine.open(database) as engine:
        await joined(engine, LOCAL, "gpu-1")
    async with Engine.open(database) as engine:
        assert engine.providers.is_elsewhere("default")
        assert engine.providers.is_served("default")
        assert engine.providers.worker(LOCAL).connected == 0


async def test_its_own_worker_of_before_is_nobody_elsewhere(tmp_path: object) -> None:
    database = f"sqlite:///{tmp_path}/flows.db"
    async with Engine.open(database) as engine:
        await joined(engine, engine.keys.authenticate(engine.keys.internal(["register"])), WORKER_ID)
    async with Engine.open(database) as engine:
        assert not engine.providers.is_elsewhere("default")
