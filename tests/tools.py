"""The programs that some tests need beside Python: found, or it is said how to get them."""

import shutil
from typing import Final, Protocol

HOW_TO_GET: Final = {
    "bash": "apt-get install bash",
    "curl": "apt-get install curl",
    "go": "apt-get install golang-go (1.24 or newer)",
    "java": "apt-get install default-jdk-headless (17 or newer)",
    "jq": "apt-get install jq",
    "mvn": "apt-get install maven",
    "node": "apt-get install nodejs (18 or newer)",
    "npm": "apt-get install npm",
}


class MissingTool(Exception):
    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is missing: {HOW_TO_GET[name]}")


class RequiresTool(Protocol):
    """Ends the test when one of these programs is missing: as a failure in CI, else as skipped."""

    def __call__(self, *names: str) -> None: ...


def find_tools(*names: str) -> None:
    """Raises `MissingTool` for the first that is not there."""
    for name in names:
        if shutil.which(name) is None:
            raise MissingTool(name)
