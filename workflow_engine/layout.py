"""Where the folders are that travel with the package: beside it in a checkout, inside it in a wheel."""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from workflow_engine.errors import RefusedToStart

CLIENT: Final = "workflow_client"
_PACKAGE: Final = Path(__file__).resolve().parent


class IncompleteInstallation(RefusedToStart):
    """The files that belong to the package are not where the build puts them."""

    code = "incomplete-installation"

    def __init__(self, missing: str) -> None:
        self.missing = missing
        super().__init__(f"This installation of workflow-engine has no {missing} folder; install it again")


def plugins_folder() -> Path:
    """The built-in step types: `plugins/` of a checkout, `workflow_engine/builtin_plugins/` of a wheel."""
    return _travelling("plugins", _PACKAGE / "builtin_plugins")


def migrations_folder() -> Path:
    """The Alembic scripts: `migrations/` of a checkout, `workflow_engine/journal/migrations/` of a wheel."""
    return _travelling("migrations", _PACKAGE / "journal" / "migrations")


def client_folder() -> Path:
    """What holds the package `workflow_client`: `clients/python/` of a checkout, `workflow_engine/python_client/` of a
    wheel.
    """
    return _travelling("clients/python", _PACKAGE / "python_client")


def make_client_findable() -> None:
    """From now on `import workflow_client` works: what is installed is the user's choice, ours comes last.

    Raises `IncompleteInstallation`.
    """
    if find_spec(CLIENT) is None:
        sys.path.append(str(client_folder()))


def package_folder() -> Path:
    """What Python must search to find this package."""
    return _PACKAGE.parent


def _travelling(name: str, installed: Path) -> Path:
    if installed.is_dir():
        return installed
    checkout = _PACKAGE.parent
    # In site-packages a folder of that name is somebody else's.
    if (checkout / "pyproject.toml").is_file() and (checkout / name).is_dir():
        return checkout / name
    raise IncompleteInstallation(name)
