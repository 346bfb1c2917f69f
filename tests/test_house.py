"""The rules of the house that no linter knows: names, sizes, and what must never be committed."""

import ast
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
LONGEST_MODULE = 450
LONGEST_FUNCTION = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "core", "misc", "manager", "managers"}
EMPTY_FOLDERS = EMPTY_NAMES | {"models", "schemas", "services"}
EMPTY_SUFFIXES = ("Manager", "Service", "Processor", "Helper", "Util", "Utils")
# Written in halves, so that this file does not hold what it forbids.
REGISTRIES = tuple(
    f"{name}.{end}"
    for name, end in [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("registry.npmjs", "org"),
        ("registry.yarnpkg", "com"),
        ("proxy.golang", "org"),
        ("repo.maven.apache", "org"),
    ]
)
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|farm|root|home/\w+|Users/\w+)/\w")
EXCEPTION_FROM_A_RULE = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover|nosec)")
WITH_ITS_REASON = re.compile(
    r"# noqa: [A-Z0-9, ]+ (-|#) \w.+|# type: ignore\[[a-z0-9, -]+\] +(-|#) \w.+|# pragma: no cover (-|#) \w.+"
)


def committed_files() -> list[Path]:
    """Everything git holds or would hold."""
    git = shutil.which("git")
    if git is None or not (CHECKOUT / ".git").exists():
        pytest.skip("the rules are about what is committed: this is no checkout, or git is missing")
    listed = subprocess.run(
        [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := CHECKOUT / name).is_file()]


def texts() -> Iterator[tuple[str, str]]:
    for path in committed_files():
        data = path.read_bytes()
        if b"\0" not in data:
            yield str(path.relative_to(CHECKOUT)), data.decode()


def modules(*folders: str) -> Iterator[tuple[str, str, ast.Module]]:
    """Name, text and tree of what people wrote in these folders (all of them when none is named)."""
    for name, text in texts():
        made_by_protoc = "/generated/" in name or "_pb2" in name
        if name.endswith(".py") and not made_by_protoc and (not folders or name.startswith(folders)):
            yield name, text, ast.parse(text, name)


HOUSE = ("workflow_engine/", "plugins/", "migrations/", "main.py")


def test_the_lock_file_stays_out_of_git() -> None:
    assert "uv.lock" not in {path.name for path in committed_files()}


def test_no_file_names_a_package_registry() -> None:
    assert [(name, host) for name, text in texts() for host in REGISTRIES if host in text] == []


def test_no_file_holds_a_path_of_the_machine_it_was_written_on() -> None:
    assert [(name, found[0]) for name, text in texts() if (found := MACHINE_PATH.search(text))] == []


def test_every_module_of_the_house_says_what_it_is() -> None:
    assert [name for name, text, tree in modules(*HOUSE) if text.strip() and not ast.get_docstring(tree)] == []


def test_a_name_tells_what_is_inside() -> None:
    paths = [Path(name) for name, _, _ in modules()]
    assert [path for path in paths if path.stem.removeprefix("test_") in EMPTY_NAMES] == []
    assert [path for path in paths if EMPTY_FOLDERS.intersection(path.parts)] == []
    classes = [node.name for _, _, tree in modules(*HOUSE) for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    assert [name for name in classes if name.endswith(EMPTY_SUFFIXES)] == []


def test_modules_and_functions_stay_short() -> None:
    long_modules = [name for name, text, _ in modules(*HOUSE, "benchmarks/") if text.count("\n") > LONGEST_MODULE]
    assert long_modules == []
    long_functions = [
        f"{name}:{node.lineno} {node.name}"
        for name, _, tree in modules(*HOUSE, "benchmarks/")
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and lines_of(node) > LONGEST_FUNCTION
    ]
    assert long_functions == []


def lines_of(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def test_nothing_that_was_sent_is_ever_run_as_python() -> None:
    found = [
        f"{name}:{node.lineno} {node.func.id}"
        for name, _, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"eval", "exec"}
    ]
    assert found == []


def test_no_error_is_swallowed() -> None:
    found = [
        f"{name}:{handler.lineno}"
        for name, _, tree in modules()
        for handler in ast.walk(tree)
        if isinstance(handler, ast.ExceptHandler) and swallows(handler)
    ]
    assert found == []


def swallows(handler: ast.ExceptHandler) -> bool:
    """A bare except; or a broad one that does nothing with what it caught."""
    if handler.type is None:
        return True
    broad = isinstance(handler.type, ast.Name) and handler.type.id in {"Exception", "BaseException"}
    return broad and all(isinstance(statement, (ast.Pass, ast.Continue)) for statement in handler.body)


def test_every_exception_from_a_rule_gives_its_reason() -> None:
    found = [
        f"{name}:{number} {line.strip()}"
        for name, text, _ in modules()
        for number, line in enumerate(text.splitlines(), 1)
        if name != "tests/test_house.py" and EXCEPTION_FROM_A_RULE.search(line) and not WITH_ITS_REASON.search(line)
    ]
    assert found == []


def imports_of(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_plugins_use_the_door_that_guests_use() -> None:
    private = {
        f"workflow_engine.{room}"
        for room in (
            "assembly",
            "cli",
            "engine",
            "execution",
            "history",
            "journal",
            "rest",
            "rpc",
            "runtime",
            "settings",
        )
    }
    found = [
        (name, module)
        for name, _, tree in modules("plugins/")
        for module in imports_of(tree)
        if any(module == room or module.startswith(f"{room}.") for room in private)
    ]
    assert found == []


def test_the_package_finds_plugins_and_migrations_and_never_imports_them() -> None:
    found = [
        (name, module)
        for name, _, tree in modules("workflow_engine/")
        for module in imports_of(tree)
        if module.split(".")[0] in {"plugins", "migrations", "tests"}
    ]
    assert found == []


def test_every_runtime_dependency_is_pinned_with_its_hashes() -> None:
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    text = (CHECKOUT / "requirements.txt").read_text()
    pins = re.split(r"\n(?=\S)", text.strip())
    names = [re.match(r"([\w.-]+)(?:\[[\w,]+\])?==[^ ]+.*?--hash=sha256:", pin, re.DOTALL) for pin in pins]
    assert [pin for pin, name in zip(pins, names, strict=True) if name is None] == []
    wanted = {normal(re.split(r"[^\w.-]", dependency)[0]) for dependency in project["dependencies"]}
    assert wanted - {normal(name[1]) for name in names if name} == set()
    assert "://" not in text


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
