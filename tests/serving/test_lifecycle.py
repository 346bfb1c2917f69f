"""How a server starts, refuses to start, and stops, as whoever operates it sees it."""

import asyncio
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.serving.process import Serve, ServerEnded, ServerProcess
from workflow_engine import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.jsontext import JsonObject

WAITING = 20_000
READY_SECONDS = 10.0
GRACE_SECONDS = 2

HELLO: JsonObject = {"name": "hello", "steps": [{"step_id": "a", "step_type": "data_input", "config": {"data": "hi"}}]}
FOR_A_SIGNAL: JsonObject = {
    "name": "for a signal",
    "steps": [{"step_id": "a", "step_type": "wait_for_signal", "config": {"signal_name": "go"}}],
}
FOR_AN_HOUR: JsonObject = {
    "name": "for an hour",
    "steps": [{"step_id": "a", "step_type": "delay", "config": {"delay_seconds": 3600}}],
}


def sqlite_in(folder: Path, name: str = "server.db") -> str:
    return f"sqlite:///{folder / name}"


def refusal(server: ServerProcess) -> str:
    """What a server says that does not start, however its console breaks the lines."""
    with pytest.raises(ServerEnded) as ended:
        server.start()
    assert ended.value.exit_code == 1
    assert "Traceback" not in ended.value.log
    return " ".join(ended.value.log.split())


# --- starting


def test_a_server_starts_on_an_empty_database_and_keeps_what_it_did(serve: Serve, database_url: str) -> None:
    server = serve(database_url, storage__standby=True).start()
    execution_id = server.client.start(HELLO)
    first = server.client.results(execution_id)

    assert server.terminate() == 0
    server.start()

    assert server.client.results(execution_id) == first
    assert first["step_results"]["a"]["output_data"]["data"] == "hi"


def test_a_second_server_on_the_same_database_refuses_and_the_first_goes_on(serve: Serve, database_url: str) -> None:
    first = serve(database_url).start()

    said = refusal(serve(database_url))

    assert "another engine owns" in said
    assert first.client.run(HELLO)["status"] == "completed"


def test_a_standby_takes_over_when_the_first_server_dies(serve: Serve, postgres_url: str) -> None:
    first = serve(postgres_url).start()
    execution_id = first.client.start(FOR_A_SIGNAL)
    second = serve(postgres_url, storage__standby=True).launch()
    time.sleep(1)
    assert second.is_running

    first.kill()
    second.wait_until_ready()

    assert second.client.post(f"/executions/{execution_id}/signals/go", {}).status == 200
    assert second.client.results(execution_id)["status"] == "completed"


def test_a_port_in_use_is_named(serve: Serve, tmp_path: Path) -> None:
    first = serve(sqlite_in(tmp_path)).start()

    said = refusal(serve(sqlite_in(tmp_path, "other.db"), port=first.port))

    assert f"Cannot listen on 127.0.0.1:{first.port}" in said
    assert first.client.get("/livez").status == 200


def test_listening_beyond_this_machine_is_refused_until_it_is_said_to_be_meant(serve: Serve, tmp_path: Path) -> None:
    said = refusal(serve(sqlite_in(tmp_path), host="0.0.0.0"))  # noqa: S104 - the very thing that is refused

    assert "--insecure" in said
    serve(sqlite_in(tmp_path), host="0.0.0.0", insecure=True).start()  # noqa: S104 - and allowed


def test_a_server_with_a_key_listens_beyond_this_machine_until_all_are_revoked(serve: Serve, tmp_path: Path) -> None:
    everywhere = serve(sqlite_in(tmp_path), host="0.0.0.0")  # noqa: S104 - who shows no key is refused
    assert "workflow-engine keys create NAME" in refusal(everywhere)
    at_home = serve(sqlite_in(tmp_path)).start()
    made = at_home.client.post("/keys", {"principal": "ops", "scopes": ["admin"]}).body
    at_home.terminate()

    everywhere.start()
    key = {"Authorization": f"Bearer {made['secret']}"}
    assert everywhere.client.get("/executions").status == 401
    assert everywhere.client.get("/executions", key).status == 200
    assert everywhere.client.ask("DELETE", f"/keys/{made['key_id']}", headers=key).status == 200
    assert everywhere.client.get("/executions", key).status == 401
    everywhere.terminate()

    assert "workflow-engine keys create NAME" in refusal(everywhere)


def test_a_server_that_may_not_listen_runs_nothing_before_it_says_so(serve: Serve, tmp_path: Path) -> None:
    server = serve(sqlite_in(tmp_path)).start()
    execution_id = server.client.start(FOR_A_SIGNAL)
    before = server.client.get(f"/executions/{execution_id}/events").body
    server.kill()

    said = refusal(serve(sqlite_in(tmp_path), host="0.0.0.0"))  # noqa: S104 - the very thing that is refused

    assert "recovered" not in said
    server.start()
    assert server.client.get(f"/executions/{execution_id}/events").body == before


def test_a_broken_plugin_is_named_and_refuses_the_start_until_it_is_to_be_skipped(serve: Serve, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "broken.py").write_text("raise RuntimeError('the fuse is out')\n")

    said = refusal(serve(sqlite_in(tmp_path), plugin_folder=plugins))
    assert "broken.py cannot be loaded: RuntimeError: the fuse is out" in said

    server = serve(sqlite_in(tmp_path), plugin_folder=plugins, skip_broken_plugins=True).start()
    assert server.client.run(HELLO)["status"] == "completed"
    assert "plugin skipped" in server.log
    assert "the fuse is out" in server.log


def test_a_plugin_of_the_plugin_folder_serves_its_step_type(serve: Serve, tmp_path: Path) -> None:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "shout.py").write_text(
        "from workflow_engine.steps.contract import OfferedStep, StepType\n"
        "def workflow_engine_step_types():\n"
        "    return [OfferedStep(StepType('shout'), lambda request: {'said': request.input['text'] + '!'})]\n"
    )
    server = serve(sqlite_in(tmp_path), plugin_folder=plugins).start()

    results = server.client.run(
        {"name": "s", "steps": [{"step_id": "a", "step_type": "shout", "input_data": {"text": "hey"}}]}
    )

    assert results["step_results"]["a"]["output_data"] == {"said": "hey!"}


def test_a_misspelt_setting_is_refused_with_the_nearest_name(serve: Serve, tmp_path: Path) -> None:
    said = refusal(serve(sqlite_in(tmp_path), shutdown_grase_seconds=3))

    assert "WORKFLOW_ENGINE_SHUTDOWN_GRASE_SECONDS is no setting: did you mean" in said
    assert "WORKFLOW_ENGINE_SHUTDOWN_GRACE_SECONDS?" in said


def test_a_database_that_is_none_is_refused_without_its_password(serve: Serve, tmp_path: Path) -> None:
    said = refusal(serve("postgresql://somebody:s3cret@127.0.0.1:1/nothing"))

    assert "127.0.0.1:1" in said
    assert "s3cret" not in said


@pytest.mark.timeout(180)
async def test_a_server_with_many_waiting_executions_is_soon_ready(serve: Serve, tmp_path: Path) -> None:
    async with Engine.open(sqlite_in(tmp_path)) as engine:
        for _ in range(WAITING // 1_000):
            await asyncio.gather(*(engine.executions.start(LOCAL, document) for document in documents(1_000)))
    begun = time.monotonic()

    server = await asyncio.to_thread(serve(sqlite_in(tmp_path)).start)

    assert time.monotonic() - begun < READY_SECONDS
    health = server.client.get("/health/detailed").body["components"]["workflow_engine"]
    assert health["active_executions"] == WAITING
    assert health["executions_in_memory"] == 0, "what waits costs no memory"
    waiting = server.client.get("/executions?status=waiting&workflow_name=for%20a%20signal&limit=1").body["executions"]
    execution_id = waiting[0]["execution_id"]
    assert server.client.post(f"/executions/{execution_id}/signals/go", {}).status == 200
    assert server.client.results(execution_id)["status"] == "completed"


def documents(count: int) -> Sequence[JsonObject]:
    return [FOR_A_SIGNAL if number % 2 else FOR_AN_HOUR for number in range(count)]


# --- stopping


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_told_to_stop_ends_with_nought(serve: Serve, tmp_path: Path, number: signal.Signals) -> None:
    server = serve(sqlite_in(tmp_path)).start()

    server.send(number)

    assert server.wait_for_end() == 0
    assert "Traceback" not in server.log


def test_an_open_stream_does_not_hold_up_a_stop(serve: Serve, tmp_path: Path) -> None:
    server = serve(sqlite_in(tmp_path), shutdown_grace_seconds=GRACE_SECONDS).start()
    execution_id = server.client.start(FOR_A_SIGNAL)
    with server.client.stream(f"/executions/{execution_id}/events") as stream:
        assert "id: 1" in stream
        begun = time.monotonic()

        assert server.terminate() == 0

        assert time.monotonic() - begun < GRACE_SECONDS
        assert "event: step_waiting" in list(stream), "what was under way arrives, then the stream ends"
    assert "Traceback" not in server.log


def test_a_client_that_waits_for_an_end_is_answered_at_a_stop(serve: Serve, tmp_path: Path) -> None:
    server = serve(sqlite_in(tmp_path), shutdown_grace_seconds=GRACE_SECONDS).start()

    def stop_soon() -> int:
        time.sleep(0.5)
        return server.terminate()

    async def both() -> tuple[object, int]:
        asking = asyncio.to_thread(server.client.post, "/workflows/execute?wait=30", FOR_AN_HOUR)
        answer, code = await asyncio.gather(asking, asyncio.to_thread(stop_soon))
        return answer.body["status"], code

    begun = time.monotonic()
    assert asyncio.run(both()) == ("waiting", 0)
    assert time.monotonic() - begun < GRACE_SECONDS + 1
