"""`workflow-engine version`."""

import platform
from importlib.metadata import version

import pytest

from workflow_engine.cli.app import main


def test_it_names_itself_and_its_python(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["version"])
    said = capsys.readouterr().out
    assert said.startswith(f"workflow-engine {version('workflow-engine')} (Python {platform.python_version()}")
