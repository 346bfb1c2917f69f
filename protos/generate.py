"""Makes the Python code of the protos: for the server and for the Python client. `--check` only says what is stale.

The generators are pinned and run in an environment of their own, because code made by a newer one refuses the older
libraries that we support. Run it by `uv run python protos/generate.py`.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
PROTOS: Final = ROOT / "protos"
PACKAGE: Final = "workflow_engine.v1"
TARGETS: Final = {
    "workflow_engine.rpc.generated": ROOT / "workflow_engine/rpc/generated",
    "workflow_client.generated": ROOT / "clients/python/workflow_client/generated",
}
GENERATORS: Final = ("grpcio-tools==1.82.0", "mypy-protobuf==5.0.0")
# The package as a place of Python modules, never as the name of services and messages.
MODULE: Final = re.compile(re.escape(PACKAGE) + r"(?=\.\w+_pb2| import)")
HEADER: Final = '"""Made by protos/generate.py from the protos; not to be edited."""\n'


def generate(folder: Path) -> None:
    """Run protoc into `folder`, under the package the protos name."""
    environment = [part for generator in GENERATORS for part in ("--with", generator)]
    protos = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.rglob("*.proto"))
    places = [f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python", "mypy_grpc")]
    command = ["uv", "run", "--quiet", "--no-project", *environment, "python", "-m", "grpc_tools.protoc"]
    subprocess.run([*command, f"-I{PROTOS}", *places, *protos], check=True, cwd=ROOT)  # noqa: S603  # our own generators


def files(generated: Path, package: str) -> Iterator[tuple[str, str]]:
    """Names and contents of the modules as they stand in `package`."""
    yield "__init__.py", HEADER
    for path in sorted((generated / PACKAGE.replace(".", "/")).glob("*.py*")):
        yield path.name, MODULE.sub(package, path.read_text())


def stale(folder: Path, wanted: dict[str, str]) -> list[str]:
    """What `folder` has otherwise, has not, or has too much."""
    there = {path.name: path.read_text() for path in folder.glob("*.py*")} if folder.is_dir() else {}
    return sorted(name for name in {*there, *wanted} if there.get(name) != wanted.get(name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; fail when something is stale")
    only_check = parser.parse_args().check
    old: list[str] = []
    with tempfile.TemporaryDirectory() as made:
        generate(Path(made))
        for package, folder in TARGETS.items():
            wanted = dict(files(Path(made), package))
            old += [f"{folder.relative_to(ROOT)}/{name}" for name in stale(folder, wanted)]
            if not only_check:
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir(parents=True)
                for name, text in wanted.items():
                    (folder / name).write_text(text)
    print("\n".join(f"stale: {name}" for name in old) or "the generated code is current")  # noqa: T201  # its purpose
    return 1 if only_check and old else 0


if __name__ == "__main__":
    sys.exit(main())
