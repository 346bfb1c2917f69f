"""How plugins are found and loaded: files of our own folder and of a further one, and entry points somebody allowed.

The order is the same on every machine: files by name, folder by folder, then entry points by name. A plugin that
cannot be loaded, or offers what another one offers already, stops the start with its name and its error; when broken
plugins are to be skipped, it is reported and left out.
"""

import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Final

import pluggy

from workflow_engine.errors import RefusedToStart
from workflow_engine.steps import hookspecs
from workflow_engine.steps.contract import OfferedStep, StepFunction, StepType
from workflow_engine.steps.limits import STEP_TYPE_NAME
from workflow_engine.steps.schemas import compile_schema
from workflow_engine.steps.services import NoHttp, Services
from workflow_engine.steps.versions import Version

PREFIX: Final = "workflow_engine_"
ENTRY_POINT_GROUP: Final = "workflow_engine"
_MODULE_PREFIX: Final = "_workflow_engine_plugin_"


class BrokenPlugin(RefusedToStart):
    """A plugin that cannot be used. `plugin` is its file or entry point."""

    code = "broken-plugin"

    def __init__(self, plugin: str, why: str) -> None:
        self.plugin = plugin
        self.why = why
        super().__init__(f"Plugin {plugin} cannot be loaded: {why}")


@dataclass(frozen=True, slots=True)
class LoadedPlugins:
    """What the plugins of this process offer. `names` were loaded, in this order; `broken` were skipped."""

    steps: tuple[OfferedStep, ...]
    functions: Mapping[str, StepFunction]
    broken: tuple[BrokenPlugin, ...]
    names: tuple[str, ...]


def load_plugins(
    folder: Path | None,
    allow: Sequence[str] = (),
    skip_broken: bool = False,
    *,
    further: Path | None = None,
    services: Services | None = None,
) -> LoadedPlugins:
    """Load every file of `folder`, those of the `further` one, then the installed entry points named in `allow`.

    Raises `BrokenPlugin`, also for a further folder that is not there.
    """
    loading = _Loading(services or Services(http=NoHttp()))
    for name, load in [*_files(folder), *_further_files(further), *_allowed_entry_points(allow)]:
        try:
            loading.take(name, load)
        except BrokenPlugin as broken:
            if not skip_broken:
                raise
            loading.broken.append(broken)
    return loading.done()


def _files(folder: Path | None, prefix: str = _MODULE_PREFIX) -> Iterator[tuple[str, Callable[[], object]]]:
    if folder is None or not folder.is_dir():
        return
    for path in sorted(folder.glob("*.py")):
        if not path.name.startswith("_"):
            yield path.name, partial(_module, path, f"{prefix}{path.stem}")


def _further_files(folder: Path | None) -> Iterator[tuple[str, Callable[[], object]]]:
    """Somebody named this folder, so a missing one is a mistake; its files may be called as those of ours."""
    if folder is None:
        return
    if not folder.is_dir():
        yield str(folder), partial(_no_folder, folder)
    for name, load in _files(folder, f"{_MODULE_PREFIX}further_"):
        yield str(folder / name), load


def _no_folder(folder: Path) -> object:
    raise NotADirectoryError(f"there is no folder {folder}; mend or remove WORKFLOW_ENGINE_PLUGIN_FOLDER")


def _module(path: Path, name: str) -> ModuleType:
    # Under a private name, so that a plugin called http.py or json.py hides no module of anybody.
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _allowed_entry_points(allow: Iterable[str]) -> Iterator[tuple[str, Callable[[], object]]]:
    installed = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    for name in sorted(set(allow)):
        yield name, installed[name].load if name in installed else _not_installed


def _not_installed() -> object:
    raise ImportError(f"no installed package has an entry point of this name in the group '{ENTRY_POINT_GROUP}'")


class _Hooks(pluggy.PluginManager):
    """Knows hooks by their names alone, so that a plugin needs no decorator of ours."""

    def __init__(self) -> None:
        super().__init__("workflow_engine")
        self.add_hookspecs(hookspecs)

    def parse_hookspec_opts(self, module_or_class: object, name: str) -> pluggy.HookspecOpts | None:
        if not name.startswith(PREFIX):
            return None
        return {"firstresult": False, "historic": False, "warn_on_impl": None, "warn_on_impl_args": None}

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        if not name.startswith(PREFIX) or not callable(getattr(plugin, name)):
            return None
        return {
            "wrapper": False,
            "hookwrapper": False,
            "optionalhook": False,
            "tryfirst": False,
            "trylast": False,
            "specname": None,
        }


@dataclass(slots=True)
class _Loading:
    services: Services
    steps: list[OfferedStep] = field(default_factory=list)
    functions: dict[str, StepFunction] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    owner_of_type: dict[str, str] = field(default_factory=dict)
    owner_of_function: dict[str, str] = field(default_factory=dict)

    def take(self, name: str, load: Callable[[], object]) -> None:
        """All that a plugin offers, or nothing of it."""
        try:
            steps, functions = self._offered_by(load())
            types = {step.type.name for step in steps}
            _none_taken("step type", types, self.owner_of_type)
            _none_taken("function", functions, self.owner_of_function)
        except Exception as error:  # a plugin may fail in any way; each becomes its name and its error
            raise BrokenPlugin(name, f"{type(error).__name__}: {error}") from error
        self.owner_of_type |= dict.fromkeys(types, name)
        self.owner_of_function |= dict.fromkeys(functions, name)
        self.steps += steps
        self.functions |= functions
        self.names.append(name)

    def _offered_by(self, plugin: object) -> tuple[list[OfferedStep], dict[str, StepFunction]]:
        # One manager a plugin: what it offers is then known to be its own.
        hooks = _Hooks()
        hooks.register(plugin)
        hooks.check_pending()
        steps = [step for offered in hooks.hook.workflow_engine_step_types(services=self.services) for step in offered]
        functions: dict[str, StepFunction] = {}
        for offered in hooks.hook.workflow_engine_functions(services=self.services):
            functions |= offered
        _check_steps(steps)
        _check_functions(functions)
        return steps, functions

    def done(self) -> LoadedPlugins:
        functions = MappingProxyType(dict(self.functions))
        return LoadedPlugins(tuple(self.steps), functions, tuple(self.broken), tuple(self.names))


def _check_steps(steps: Sequence[object]) -> None:
    pins: set[str] = set()
    for step in steps:
        if not isinstance(step, OfferedStep):
            raise TypeError(f"workflow_engine_step_types must answer OfferedStep objects, not {type(step).__name__}")
        _check_contract(step.type)
        if step.type.pin in pins:
            raise ValueError(f"step type {step.type.pin} is offered twice")
        pins.add(step.type.pin)


def _check_contract(step: StepType) -> None:
    Version.parse(step.version)
    for schema in (step.config_schema, step.input_schema, step.output_schema):
        if schema is not None:
            compile_schema(schema)
    if not STEP_TYPE_NAME.fullmatch(step.name):
        raise ValueError("the name of a step type is a letter and up to 127 letters, digits, '_', '.' or '-'")


def _check_functions(functions: Mapping[str, object]) -> None:
    for name, function in functions.items():
        if type(name) is not str or not callable(function):
            raise TypeError("workflow_engine_functions must answer a mapping of names to functions")


def _none_taken(what: str, names: Iterable[str], owners: Mapping[str, str]) -> None:
    for name in sorted(names):
        if name in owners:
            raise ValueError(f"{what} {name} is offered by plugin {owners[name]} already")
