"""The page of the worker protocol: its curl session works as it stands, and it leaves no code or field out."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.rest.serving import Served
from workflow_engine.dispatch.workers.messages import Code
from workflow_engine.dispatch.workers.terms import PROTOCOL
from workflow_engine.rest.worker_answers import AssignmentBody

PAGE: Final = (Path(__file__).parents[2] / "docs" / "worker-protocol.md").read_text()
LONGEST_SECONDS: Final = 60


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("jq")), reason="the page says: a shell with curl and jq")
def test_the_session_works_word_for_word(served: Served) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)
    script = "\n".join(blocks).replace("http://localhost:8006", f"http://127.0.0.1:{served.port}")
    ran = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=LONGEST_SECONDS, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count('"code":"ok"') == 2  # the renewal and the result
    assert json.loads(ran.stdout[ran.stdout.rindex("{") :]) == {"text": "HELLO"}


def test_every_code_is_explained() -> None:
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE.split("## Codes")[1].split("## Results")[0], re.M)) == set(Code)


def test_every_field_of_an_assignment_that_is_explained_is_one() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.split("## What an assignment says")[1].split("## Leases")[0], re.M)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named <= set(AssignmentBody.__annotations__)
    assert {"lease", "input", "config", "attempt", "idempotency_key", "checkpoint", "resumption"} <= named


def test_the_version_is_the_one_that_is_spoken() -> None:
    assert f"this is version {PROTOCOL}" in PAGE
