"""How plugins are found and loaded, on real files and a really installed package, and what a broken one leads to."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from workflow_engine.steps.contract import StepFunction
from workflow_engine.steps.plugins import BrokenPlugin, load_plugins
from workflow_engine.steps.services import HttpRequest, HttpResponse, Services

OFFER = """
from workflow_engine.steps.contract import OfferedStep, StepType

def work(request):
    return {answer!r}

def workflow_engine_step_types():
    return [OfferedStep(StepType({name!r}), work)]
"""


def plugin(folder: Path, file: str, name: str = "", text: str = "") -> None:
    (folder / file).write_text(text or OFFER.format(name=name, answer=name))


def names(folder: Path, **how: bool) -> list[str]:
    return [offered.type.name for offered in load_plugins(folder, **how).steps]  # type: ignore[arg-type] # skip_broken


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, with one distribution that has two entry points for us."""
    site = tmp_path / "site"
    info = site / "extra_steps-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra-steps\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[workflow_engine]\nextra = extra_steps_one\nother = extra_steps_two\n")
    plugin(site, "extra_steps_one.py", "one")
    plugin(site, "extra_steps_two.py", "two")
    monkeypatch.syspath_prepend(site)
    yield site
    for module in ("extra_steps_one", "extra_steps_two"):
        sys.modules.pop(module, None)


def test_a_further_folder_comes_behind_ours_even_with_files_of_the_same_name(tmp_path: Path) -> None:
    ours, further = tmp_path / "ours", tmp_path / "further"
    for folder, name in ((ours, "first"), (further, "second")):
        folder.mkdir()
        plugin(folder, "a.py", name)

    loaded = load_plugins(ours, further=further)

    assert [offered.type.name for offered in loaded.steps] == ["first", "second"]
    assert loaded.names == ("a.py", str(further / "a.py"))


def test_a_further_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BrokenPlugin, match="there is no folder"):
        load_plugins(tmp_path, further=tmp_path / "missing")


def test_files_are_loaded_in_the_order_of_their_names(tmp_path: Path) -> None:
    for file, name in (("b.py", "second"), ("a.py", "first"), ("c.py", "third")):
        plugin(tmp_path, file, name)
    loaded = load_plugins(tmp_path)
    assert loaded.names == ("a.py", "b.py", "c.py")
    assert [offered.type.name for offered in loaded.steps] == ["first", "second", "third"]


def test_what_is_no_plugin_file_is_left_alone(tmp_path: Path) -> None:
    plugin(tmp_path, "_draft.py", text="raise RuntimeError")
    plugin(tmp_path, "notes.txt", text="no python")
    assert names(tmp_path) == []


def test_no_folder_is_no_plugin(tmp_path: Path) -> None:
    assert load_plugins(tmp_path / "missing").names == ()
    assert load_plugins(None).names == ()


def test_a_plugin_file_hides_no_module_of_its_name(tmp_path: Path) -> None:
    import json

    plugin(tmp_path, "json.py", "j")
    assert names(tmp_path) == ["j"]
    assert sys.modules["json"] is json


def test_an_entry_point_is_loaded_only_when_it_was_allowed(tmp_path: Path, installed: Path) -> None:
    assert load_plugins(tmp_path).names == ()
    assert "extra_steps_one" not in sys.modules
    loaded = load_plugins(tmp_path, ["other"])
    assert loaded.names == ("other",)
    assert [offered.type.name for offered in loaded.steps] == ["two"]
    assert "extra_steps_one" not in sys.modules


def test_files_come_before_entry_points(tmp_path: Path, installed: Path) -> None:
    plugin(tmp_path, "zzz.py", "file")
    assert load_plugins(tmp_path, ["other", "extra"]).names == ("zzz.py", "extra", "other")


def test_an_allowed_entry_point_that_is_not_installed_is_a_broken_plugin(tmp_path: Path) -> None:
    with pytest.raises(BrokenPlugin, match=r"Plugin ghost cannot be loaded: .*no installed package"):
        load_plugins(tmp_path, ["ghost"])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def broken(:", "SyntaxError"),
        ("import a_module_nobody_has", "ModuleNotFoundError"),
        ("def workflow_engine_step_types(): raise ValueError('not today')", "ValueError: not today"),
        ("def workflow_engine_step_types(): return ['rubbish']", "must answer OfferedStep"),
        ("def workflow_engine_step_types(): return 5", "TypeError"),
        ("def workflow_engine_functions(): return {1: len}", "mapping of names to functions"),
        ("def workflow_engine_functions(): return {'f': 'not callable'}", "mapping of names to functions"),
        ("def workflow_engine_step_typos(): return []", "workflow_engine_step_typos"),
        ("def workflow_engine_step_types(serivces): return []", "serivces"),
        (OFFER.format(name="no good name", answer=1), "name of a step type"),
        (OFFER.format(name="a", answer=1).replace("StepType('a')", "StepType('a', version='1')"), "InvalidVersion"),
        (
            OFFER.format(name="a", answer=1).replace("StepType('a')", "StepType('a', config_schema={'type': 7})"),
            "InvalidSchema",
        ),
        (OFFER.format(name="a", answer=1).replace("work)]", "work)] * 2"), "offered twice"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_is_named_with_its_error(tmp_path: Path, text: str, why: str) -> None:
    plugin(tmp_path, "bad.py", text=text)
    with pytest.raises(BrokenPlugin, match=r"Plugin bad.py cannot be loaded") as caught:
        load_plugins(tmp_path)
    assert why in str(caught.value)


def test_a_broken_plugin_may_be_skipped_and_is_reported(tmp_path: Path) -> None:
    plugin(tmp_path, "a.py", text="1 / 0")
    plugin(tmp_path, "b.py", "fine")
    loaded = load_plugins(tmp_path, skip_broken=True)
    assert loaded.names == ("b.py",)
    assert [(broken.plugin, broken.why) for broken in loaded.broken] == [
        ("a.py", "ZeroDivisionError: division by zero")
    ]
    assert "_workflow_engine_plugin_a" not in sys.modules


def test_two_plugins_cannot_offer_one_name(tmp_path: Path) -> None:
    plugin(tmp_path, "a.py", "same")
    plugin(tmp_path, "b.py", "same")
    with pytest.raises(BrokenPlugin, match=r"step type same is offered by plugin a.py already"):
        load_plugins(tmp_path)
    loaded = load_plugins(tmp_path, skip_broken=True)
    assert [offered.function(None) for offered in loaded.steps] == ["same"]  # type: ignore[arg-type] # unused there
    assert loaded.names == ("a.py",)


def test_a_plugin_whose_offer_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    plugin(tmp_path, "a.py", "one")
    both = "[OfferedStep(StepType('two'), work), OfferedStep(StepType('one'), work)]"
    plugin(tmp_path, "b.py", text=OFFER.format(name="x", answer=1).replace("[OfferedStep(StepType('x'), work)]", both))
    assert names(tmp_path, skip_broken=True) == ["one"]


def test_one_plugin_may_offer_several_versions(tmp_path: Path) -> None:
    both = "[OfferedStep(StepType('a'), work), OfferedStep(StepType('a', version='2.0.0'), work)]"
    plugin(tmp_path, "a.py", text=OFFER.format(name="x", answer=1).replace("[OfferedStep(StepType('x'), work)]", both))
    assert [offered.type.pin for offered in load_plugins(tmp_path).steps] == ["a@1.0.0", "a@2.0.0"]


def test_functions_are_offered_by_name_and_once(tmp_path: Path) -> None:
    plugin(tmp_path, "a.py", text="def workflow_engine_functions():\n    return {'shout': lambda request: 'HEY'}")
    functions = load_plugins(tmp_path).functions
    shout: StepFunction = functions["shout"]
    assert shout(None) == "HEY"  # type: ignore[arg-type] # the function does not look at its request
    plugin(tmp_path, "b.py", text="def workflow_engine_functions():\n    return {'shout': len}")
    with pytest.raises(BrokenPlugin, match=r"function shout is offered by plugin a.py already"):
        load_plugins(tmp_path)


def test_a_hook_gets_the_services_it_names(tmp_path: Path) -> None:
    text = "def workflow_engine_functions(services):\n    return {'http': lambda request: services.http}"
    plugin(tmp_path, "a.py", text=text)

    class Quiet:
        async def send(self, request: HttpRequest) -> HttpResponse:
            return HttpResponse(204, {}, b"", request.url)

    quiet = Quiet()
    offered = load_plugins(tmp_path, services=Services(quiet)).functions["http"]
    lent: object = offered(None)  # type: ignore[arg-type] # the function does not look at its request
    assert lent is quiet
