"""Running the worker of a module."""

import sys
from pathlib import Path

import pytest

from workflow_client.cli import load, main
from workflow_client.errors import InvalidWorker

ONE = "from workflow_client import Worker\n{}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    return tmp_path


def test_the_only_worker_of_a_module_is_found(folder: Path) -> None:
    (folder / "mod_one.py").write_text(ONE.format("it = also = Worker('127.0.0.1:1', worker_id='one')"))
    assert load("mod_one").worker_id == "one"
    assert load("mod_one:it").worker_id == "one"
    assert load(str(folder / "mod_one.py")).worker_id == "one"


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        ("", "mod_none", "must hold one Worker, it holds none"),
        ("a = Worker()\nb = Worker()", "mod_two", "it holds a, b; say which"),
        ("a = 1", "mod_other:a", "is no Worker"),
    ],
)
def test_a_module_without_a_clear_worker_is_refused(folder: Path, source: str, name: str, says: str) -> None:
    (folder / f"{name.partition(':')[0]}.py").write_text(ONE.format(source))
    with pytest.raises(InvalidWorker, match=says):
        load(name)


def test_an_unknown_module_is_named_and_a_broken_import_is_not_hidden(folder: Path) -> None:
    with pytest.raises(InvalidWorker, match="no module 'mod_nowhere'"):
        load("mod_nowhere")
    (folder / "mod_broken.py").write_text("import mod_that_is_missing\n")
    with pytest.raises(ModuleNotFoundError, match="mod_that_is_missing"):
        load("mod_broken")


def test_the_command_says_what_is_wrong_and_exits_with_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mod_empty.py").write_text(ONE.format("worker = Worker()"))
    assert main(["mod_empty"]) == 1
    assert "has no steps" in capsys.readouterr().err


def test_what_the_command_line_gives_wins(folder: Path) -> None:
    (folder / "mod_wins.py").write_text(ONE.format("worker = Worker(slots=1)"))
    worker = load("mod_wins")
    worker.adjust(target="127.0.0.1:9", slots=7)
    assert worker.slots == 7
    with pytest.raises(InvalidWorker, match="at least 1"):
        worker.adjust(slots=0)
