"""The list of all settings: what `.env.example`, the refusal of unknown names and the messages are made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from workflow_engine.settings.groups import Group, Settings

PREFIX: Final = "WORKFLOW_ENGINE_"


@dataclass(frozen=True, slots=True)
class Setting:
    """One known setting: `path` as in Python (`limits`, `max_steps`), `default` as it is written in a .env file."""

    path: tuple[str, ...]
    default: str
    description: str

    @property
    def variable(self) -> str:
        return PREFIX + "__".join(self.path).upper()


def groups() -> Iterator[tuple[tuple[str, ...], type[Group]]]:
    """The path and class of every group, the settings that stand in none first."""
    yield (), Settings
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, Group):
            yield (name,), type(field.default)


def known_settings() -> tuple[Setting, ...]:
    return tuple(setting for path, group in groups() for setting in _members(path, group))


def env_example() -> str:
    """The text of .env.example: every setting with its default and a sentence."""
    lines = ["# Copy to .env and uncomment what should differ. Every line shows its default; the environment wins."]
    for path, group in groups():
        lines += ["", f"# --- {_first_line(group)}"]
        for setting in _members(path, group):
            lines += ["", f"# {setting.description}", f"# {setting.variable}={setting.default}"]
    return "\n".join(lines) + "\n"


def _first_line(group: type[Group]) -> str:
    return (group.__doc__ or "").strip().partition("\n")[0]


def _members(path: tuple[str, ...], group: type[Group]) -> Iterator[Setting]:
    for name, field in group.model_fields.items():
        if not isinstance(field.default, Group):
            yield Setting((*path, name), _as_text(field.default), field.description or "")


def _as_text(value: object) -> str:
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
