"""Plugins, migrations and the Python client are found in a checkout and in a wheel, and nowhere else."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from workflow_engine import layout
from workflow_engine.layout import IncompleteInstallation, client_folder, migrations_folder, plugins_folder

CHECKOUT = Path(__file__).parents[1]


def run(*command: str | Path, cwd: Path = CHECKOUT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def files_under(folder: Path) -> set[Path]:
    files = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    return {path for path in files if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network, from a copy, so that a build running beside it disturbs nobody."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("pyproject.toml", "LICENSE", "README.md"):
        if (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, source)
    for name in ("workflow_engine", "plugins", "migrations", "clients/python/workflow_client"):
        shutil.copytree(CHECKOUT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, cwd=source)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, which borrows the libraries of this one instead of downloading them."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on the PATH; `pip install uv` brings it")
    environment = tmp_path_factory.mktemp("installed") / "venv"
    run(uv, "venv", "--python", sys.executable, environment)
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    packages = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path that is named in a .pth file is searched last, and the .pth files in it (this checkout) are not read.
    (Path(packages) / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def test_a_checkout_finds_its_own_folders() -> None:
    assert plugins_folder() == CHECKOUT / "plugins"
    assert migrations_folder() == CHECKOUT / "migrations"
    assert client_folder() == CHECKOUT / "clients/python"


def test_a_wheel_finds_the_folders_it_brought(installed_python: Path, tmp_path: Path) -> None:
    ask = (
        "from workflow_engine.layout import *; print(plugins_folder(), migrations_folder(), client_folder(), sep='\\n')"
    )
    plugins, migrations, client = map(Path, run(installed_python, "-c", ask, cwd=tmp_path).split())
    assert plugins.parts[-2:] == ("workflow_engine", "builtin_plugins")
    assert migrations.parts[-3:] == ("workflow_engine", "journal", "migrations")
    assert client.parts[-2:] == ("workflow_engine", "python_client")
    assert installed_python.parents[1] in plugins.parents
    brought = {
        plugins: CHECKOUT / "plugins",
        migrations: CHECKOUT / "migrations",
        client / "workflow_client": CHECKOUT / "clients/python/workflow_client",
    }
    for found, original in brought.items():
        assert files_under(found) == files_under(original) != set()


def test_a_wheel_runs_workers_in_python_without_a_further_package(installed_python: Path, tmp_path: Path) -> None:
    (tmp_path / "my_worker.py").write_text("import workflow_client\n\nprint(workflow_client.__file__)\n")
    program = installed_python.parent / ("workflow-engine.exe" if os.name == "nt" else "workflow-engine")
    done = subprocess.run(
        [program, "worker", "run", "my_worker"], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert Path(done.stdout.strip()).parts[-4:-1] == ("workflow_engine", "python_client", "workflow_client")
    assert "must hold one Worker" in done.stderr


def test_a_wheel_starts_the_agent_worker(installed_python: Path, tmp_path: Path) -> None:
    assert "--with-parent" in run(installed_python, "-m", "workflow_engine.agents.worker", "--help", cwd=tmp_path)


def test_a_wheel_puts_nothing_but_the_package_into_site_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"workflow_engine"}
    assert "workflow_engine/py.typed" in zipfile.ZipFile(wheel).namelist()


def test_a_stranger_in_site_packages_is_not_taken_for_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    monkeypatch.setattr(layout, "_PACKAGE", tmp_path / "workflow_engine")
    with pytest.raises(IncompleteInstallation, match="no plugins folder"):
        plugins_folder()
