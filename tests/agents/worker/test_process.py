"""The process as a whole: how it joins, what it sends where, and how it leaves."""

import asyncio
import sys
from functools import partial

from workflow_client.testing import FakeServer

from tests.agents.worker.process import CHECKOUT, model_call, upstream, worker_process
from workflow_engine.agents.worker.providers import TAKES_BASE

MODEL_CALL = "agents.model_call@1.0.0"
EXIT_SECONDS = 30.0
CANARY = "canary-of-the-environment"
KEYS = {
    name: f"{CANARY}-{number}"
    for number, name in enumerate(
        (
            *("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "HOSTED_VLLM_API_KEY"),
            *("OLLAMA_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            *("AWS_BEARER_TOKEN_BEDROCK", "ANTHROPIC_AUTH_TOKEN", "LITELLM_API_KEY", "ONPREM_API_KEY"),
        )
    )
}


async def test_an_address_that_an_agent_names_gets_no_key_of_the_environment(server: FakeServer) -> None:
    environment = {**KEYS, "AWS_REGION": "eu-west-1"}
    async with upstream() as home, worker_process(server, "--allow-loopback", environment=environment):
        for provider in sorted(TAKES_BASE):
            for stream in (False, True):
                model = f"{provider}/converse/some-model" if provider == "bedrock" else f"{provider}/some-model"
                asked = model_call(model, f"http://127.0.0.1:{home.port}", stream=stream)
                execution = server.assign(MODEL_CALL, asked)
                await server.until(partial(server.results.__contains__, execution), 30)
                assert home.was_asked.is_set(), (provider, server.results[execution])
                assert CANARY.encode() not in home.received, provider
                home.was_asked.clear()


async def test_a_provider_that_brings_keys_of_its_own_is_not_sent_elsewhere(server: FakeServer) -> None:
    async with upstream() as home, worker_process(server, "--allow-loopback", environment=KEYS):
        execution = server.assign(MODEL_CALL, model_call("vertex_ai/some-model", f"http://127.0.0.1:{home.port}"))
        await server.until(lambda: execution in server.results, 30)
        assert server.results[execution].failure.code == "provider-bad-request"
        assert home.received == b""
        labels = server.hellos[0].labels
        assert (labels["kind"], labels["providers"]) == ("agent-worker", "anthropic,bedrock,gemini,openai")
        assert (server.contracts, sorted(server.serves)) == (
            [],
            ["agents.mcp_call", "agents.mcp_tools", "agents.model_call"],
        )


async def test_what_is_in_hand_when_the_parent_dies_is_finished_and_delivered_to_the_server_that_comes_back(
    server: FakeServer,
) -> None:
    async with upstream() as home:
        environment = {"OPENAI_API_KEY": "k", "OPENAI_API_BASE": f"http://127.0.0.1:{home.port}/v1"}
        async with worker_process(server, "--with-parent", environment=environment) as worker:
            home.may_answer.clear()
            execution = server.assign(MODEL_CALL, model_call("openai/gpt-4o-mini"))
            await home.was_asked.wait()
            await server.stop()
            assert worker.stdin is not None
            worker.stdin.close()
            home.may_answer.set()
            await server.start()
            await server.until(lambda: execution in server.results, 20)
            assert await asyncio.wait_for(worker.wait(), EXIT_SECONDS) == 0
    assert b"Yes." in server.results[execution].output.data


async def test_a_signal_lets_it_finish_for_the_grace_and_no_longer(server: FakeServer) -> None:
    async with upstream() as home:
        home.may_answer.clear()
        environment = {
            "OPENAI_API_KEY": "k",
            "OPENAI_API_BASE": f"http://127.0.0.1:{home.port}/v1",
            "WORKFLOW_ENGINE_AGENTS__GRACE_SECONDS": "0.5",
        }
        async with worker_process(server, environment=environment) as worker:
            server.assign(MODEL_CALL, model_call("openai/gpt-4o-mini"))
            await home.was_asked.wait()
            worker.terminate()
            assert await asyncio.wait_for(worker.wait(), EXIT_SECONDS) == 0
        home.may_answer.set()


async def test_a_setting_that_means_nothing_ends_it_at_once() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "workflow_engine.agents.worker"),
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT / "clients" / "python"), "WORKFLOW_ENGINE_AGENTS__MCP_SERVERS": "{"},
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), EXIT_SECONDS)
    assert process.returncode == 1
    assert b"WORKFLOW_ENGINE_AGENTS__MCP_SERVERS: it is no JSON" in said
