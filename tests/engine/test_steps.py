"""Step types that are registered at run time."""

import pytest

from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.errors import InvalidDocument
from workflow_engine.jsontext import JsonObject


def called_at(url: str) -> JsonObject:
    return {"step_type": "t", "name": "t", "execution_type": "api", "endpoint_config": {"url": url}}


async def test_a_url_the_server_may_not_call_is_refused_when_it_is_registered_and_not_repeated() -> None:
    async with Engine.open("memory://") as engine:
        with pytest.raises(InvalidDocument) as refused:
            await engine.steps.register(LOCAL, called_at("http://169.254.169.254/secret"))
        (problem,) = refused.value.problems()
        assert (problem.code, problem.pointer) == ("host-not-allowed", "/endpoint_config/url")
        assert "169.254" not in problem.message


async def test_an_entry_in_the_list_of_hosts_allows_it_at_once() -> None:
    async with Engine.open("memory://") as engine:
        await engine.hosts.allow(LOCAL, "10.1.0.0/16")
        assert (await engine.steps.register(LOCAL, called_at("http://10.1.2.3/"))).changed
