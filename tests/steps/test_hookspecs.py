"""The hooks fit on one page, and each is explained there."""

import inspect
from pathlib import Path

import pytest

from workflow_engine.steps import hookspecs
from workflow_engine.steps.plugins import PREFIX

HOOKS = {name: hook for name, hook in vars(hookspecs).items() if name.startswith(PREFIX)}


def test_there_are_these_hooks_and_no_other() -> None:
    assert set(HOOKS) == {"workflow_engine_step_types", "workflow_engine_functions"}


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_each_hook_is_documented_and_typed(name: str) -> None:
    documented = inspect.getdoc(HOOKS[name])
    assert documented
    assert len(documented) > 80
    signature = inspect.signature(HOOKS[name])
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


def test_the_hooks_fit_on_one_page() -> None:
    assert len(Path(inspect.getfile(hookspecs)).read_text().splitlines()) <= 60
