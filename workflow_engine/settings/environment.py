"""Reading the settings: the only place that looks at the environment and the .env file.

A variable that is misspelt or out of range refuses the start and says what to change, because a limit that silently
kept its default is no limit.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from workflow_engine.errors import Problem, RefusedToStart
from workflow_engine.settings.groups import Settings
from workflow_engine.settings.listing import PREFIX, groups, known_settings

# Names that hosting platforms set; they count only where the name with our prefix is not written.
FALLBACKS: Final[Mapping[str, str]] = {"DATABASE_URL": "database_url", "PORT": "port", "LOG_LEVEL": "log_level"}
CREDENTIAL_PREFIX: Final = f"{PREFIX}CREDENTIAL_"
"""Variables that begin so hold the credentials that agents name; what they hold is nobody's business but the agent
worker's."""


class InvalidSettings(RefusedToStart):
    """Some settings cannot be used. Values are not repeated: one of them may hold a password."""

    code = "invalid-settings"

    def __init__(self, found: Sequence[Problem]) -> None:
        self.found = tuple(found)
        lines = [f"  {problem.message}" for problem in self.found]
        super().__init__("\n".join(["Some settings cannot be used; change these and start again:", *lines]))

    def problems(self) -> Sequence[Problem]:
        return self.found


class _Environment(BaseSettings, Settings):
    """Settings as pydantic-settings reads them; what leaves this module is a plain `Settings`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_ignore_empty=True,
        enable_decoding=False,  # one spelling a setting: a variable, never JSON for a whole group
        extra="ignore",  # a .env file also serves other programs; our own names are checked by us
    )


def load_settings(*, env_file: Path | None = Path(".env"), **overrides: object) -> Settings:
    """Read the settings: arguments before WORKFLOW_ENGINE_* before .env before DATABASE_URL, PORT, LOG_LEVEL.

    An argument that is None counts as not given; groups are given as dictionaries (`limits={"max_steps": 5}`).
    Raises InvalidSettings with every unknown name and every bad value at once.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    written = _written_variables(env_file)
    platform = {
        field: name for name, field in FALLBACKS.items() if written.get(name) and not written.get(PREFIX + name)
    }
    unknown = [*_unknown_variables(written), *_unknown_arguments(given)]
    values = {field: written[name] for field, name in platform.items()} | given
    try:
        read = _Environment(_env_file=env_file, **values)  # type: ignore[arg-type]  # validated right here
    except ValidationError as error:
        raise InvalidSettings([*unknown, *_bad_values(error, given, platform)]) from None
    if unknown:
        raise InvalidSettings(unknown)
    return Settings.model_validate({name: getattr(read, name) for name in Settings.model_fields})


def _written_variables(env_file: Path | None) -> Mapping[str, str]:
    """Every variable of the environment and the file by its name in upper case; the environment wins."""
    return {name.upper(): value for name, value in [*_in_file(env_file).items(), *os.environ.items()]}


def _in_file(env_file: Path | None) -> Mapping[str, str]:
    if env_file is None or not env_file.is_file():
        return {}
    try:
        read = dotenv_values(env_file, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{env_file} cannot be read as UTF-8 text ({type(error).__name__}); mend or remove it"
        raise InvalidSettings([Problem("unreadable-settings", message)]) from error
    # A name without `=` has no value; an empty one says as much.
    return {name: value or "" for name, value in read.items()}


def surroundings(env_file: Path | None = Path(".env")) -> Mapping[str, str]:
    """What this process was started with, and what the file adds: where keys of providers stand. The environment wins.

    Raises InvalidSettings for a file that cannot be read.
    """
    return {**_in_file(env_file), **os.environ}


def _unknown_variables(written: Iterable[str]) -> Iterator[Problem]:
    known = [setting.variable for setting in known_settings()]
    for name in sorted(set(written).difference(known)):
        if name.startswith(PREFIX) and not name.startswith(CREDENTIAL_PREFIX):
            yield _unknown(name, known)


def _unknown_arguments(given: Mapping[str, object]) -> Iterator[Problem]:
    known = list(Settings.model_fields)
    for name in sorted(set(given).difference(known)):
        yield _unknown(name, known)


def _unknown(name: str, known: Sequence[str]) -> Problem:
    # The prefix that all share would make everything look alike.
    distinct = {other.removeprefix(PREFIX): other for other in known}
    nearest = get_close_matches(name.removeprefix(PREFIX), distinct, n=1)
    member = next((other for other in known if other.startswith(f"{name}__")), None)
    if member:
        advice = f"it names a group; write {member} and the like"
    elif nearest:
        advice = f"did you mean {distinct[nearest[0]]}?"
    else:
        advice = "remove it; .env.example lists every setting"
    return Problem("unknown-setting", f"{name} is no setting: {advice}")


def _bad_values(error: ValidationError, given: Mapping[str, Any], platform: Mapping[str, str]) -> Iterator[Problem]:
    settings = {setting.path: setting for setting in known_settings()}
    for detail in error.errors(include_input=False, include_url=False, include_context=False):
        path = tuple(str(part) for part in detail["loc"])
        name = _name(path, given, platform)
        if detail["type"] == "extra_forbidden":
            if _is_argument(path, given):  # an unknown variable was found already
                yield _unknown(name, [".".join(known) for known in settings])
            continue
        default = f" (default: {settings[path].default or 'none'})" if path in settings else ""
        message = detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
        yield Problem("invalid-setting", f"{name}: {message}{default}")


def _name(path: tuple[str, ...], given: Mapping[str, Any], platform: Mapping[str, str]) -> str:
    """What its owner wrote: an argument, a variable, or the fallback of a platform. A group has its plain name."""
    if _is_argument(path, given) or path in dict(groups()):
        return ".".join(path)
    return platform.get(".".join(path)) or PREFIX + "__".join(path).upper()


def _is_argument(path: tuple[str, ...], given: Mapping[str, Any]) -> bool:
    value: Any = given
    for part in path:
        if not isinstance(value, Mapping) or part not in value:
            return False
        value = value[part]
    return True
