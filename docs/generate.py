"""Writes the generated blocks of docs/*.md anew: `uv run python docs/generate.py`.

A block stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`. What it says comes from the code, so that
it cannot say something else; tests/test_docs.py fails when a committed block is not what the code says today.
"""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

DOCS: Final = Path(__file__).resolve().parent
if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))  # run as a program, Python looks beside this file only

from docs.tables import calls, errors, lifecycle, providers, routes, settings, step_types  # noqa: E402 - found only after the line above

BLOCKS: Final[Mapping[str, Callable[[], str]]] = {
    "execution chart": lifecycle.execution_chart,
    "step chart": lifecycle.step_chart,
    "events": lifecycle.events,
    "step types": step_types.step_types,
    "providers": providers.providers,
    "settings": settings.settings,
    "routes": routes.routes,
    "calls": calls.calls,
    "errors": errors.errors,
}
_BLOCK: Final = re.compile(r"(<!-- generated: (?P<name>[\w ]+) -->\n).*?(<!-- end of (?P=name) -->)", re.S)


def renewed(text: str) -> str:
    """The text of a page with each of its generated blocks as the code says today."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block['name']]().strip()}\n\n{block[3]}", text)


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def blocks_in(text: str) -> list[str]:
    return [block["name"] for block in _BLOCK.finditer(text)]


def main() -> None:
    for page in pages():
        page.write_text(renewed(page.read_text()))


if __name__ == "__main__":
    main()
