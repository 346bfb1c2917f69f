"""Every call of gRPC with its sentence, as the protos say them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from docs.tables.markdown import code, table

PROTOS: Final = Path(__file__).parents[2] / "protos/workflow_engine/v1"
SERVICES: Final = ("workflow", "registry", "agent", "worker")
_SERVICE: Final = re.compile(r"^service (\w+) \{\n(.*?)^\}", re.M | re.S)
_CALL: Final = re.compile(r"((?:^  //.*\n)*)^  rpc (\w+)\((stream )?\w+\) returns \((stream )?\w+\);", re.M)


def calls() -> str:
    """The first sentence of a call's comment; a call whose name says it all has none."""
    return "\n\n".join(_service((PROTOS / f"{name}.proto").read_text()) for name in SERVICES)


def _service(text: str) -> str:
    found = _SERVICE.search(text)
    if found is None:
        raise ValueError("this proto has no service")
    return f"### {found[1]}\n\n{table(['call', 'stream of', 'does'], _rows(found[2]))}"


def _rows(body: str) -> Iterator[tuple[str, ...]]:
    for comment, name, many_in, many_out in _CALL.findall(body):
        streams = ["requests"] * bool(many_in) + ["answers"] * bool(many_out)
        yield code(name), " and ".join(streams), _sentence(comment)


def _sentence(comment: str) -> str:
    """Up to the first full stop, without the list of errors."""
    said = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
    told = re.split(r"(?<=\.)\s|Errors(?: of these)?:", said.strip())[0]
    return told.strip()
