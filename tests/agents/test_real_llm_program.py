"""`python -m workflow_engine.test_real_llm`, with fakes of all providers where the real ones would be."""

import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.agents.keys import ENVIRONMENT, HOME_WIRES, addresses, keys_in
from tests.agents.upstreams.reply import Reply, Usage
from tests.agents.upstreams.upstream import Upstream, always
from tests.serving.process import environment
from workflow_engine import test_real_llm

KEYS = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("WORKFLOW_ENGINE_AGENTS__")}


def run(folder: Path, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "workflow_engine.test_real_llm"],
        cwd=folder,
        env={**environment({}), **variables},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def rows(said: str) -> dict[str, list[str]]:
    return {line.split()[0]: line.split() for line in said.splitlines() if line.strip()}


def test_every_configured_provider_is_asked_once_and_the_table_says_what_came_of_it(tmp_path: Path) -> None:
    with Upstream(always(Reply("ready", usage=Usage(9, 1))), *HOME_WIRES) as upstream:
        named = {"ONPREM_MODEL": "local-model", "OPENAI_MODEL": "gpt-4o"}
        done = run(tmp_path, {**KEYS, **addresses(upstream), **named})
    assert done.returncode == 0, done.stdout + done.stderr
    found = rows(done.stdout)
    assert {name: row[2] for name, row in found.items() if name != "provider"} == dict.fromkeys(
        test_real_llm.MODELS, "ok"
    )
    assert (found["openai"][1], found["openai"][4]) == ("gpt-4o", "9+1")
    assert re.fullmatch(r"\$0\.\d{6}", found["openai"][5])
    assert found["onprem"][5] == "unknown"
    assert len(upstream.calls) == len(test_real_llm.MODELS)
    assert keys_in(done.stdout.encode() + done.stderr.encode()) == []


def test_one_that_refuses_its_key_is_told_by_its_code_and_fails_the_run(tmp_path: Path) -> None:
    with Upstream(always(Reply("ready")), *HOME_WIRES) as upstream:
        wrong = {"OPENAI_API_KEY": "sk-wrong-and-secret", "ANTHROPIC_API_KEY": KEYS["ANTHROPIC_API_KEY"]}
        done = run(tmp_path, {**addresses(upstream), **wrong})
    assert done.returncode == 1
    found = rows(done.stdout)
    assert (found["openai"][2], found["anthropic"][2]) == ("provider-auth", "ok")
    assert "gemini is not configured: set GOOGLE_API_KEY or GEMINI_API_KEY" in done.stdout
    assert found["onprem"][1] == "no-model"
    assert "set ONPREM_MODEL" in done.stdout
    assert "wrong-and-secret" not in done.stdout + done.stderr


def test_without_any_provider_it_says_loudly_that_nothing_was_tested(tmp_path: Path) -> None:
    done = run(tmp_path, {})
    assert done.returncode == 0
    assert "NOTHING WAS TESTED" in done.stderr
    assert "openai is not configured: set OPENAI_API_KEY" in done.stdout


def test_it_is_never_collected_as_a_test() -> None:
    assert test_real_llm.__test__ is False
