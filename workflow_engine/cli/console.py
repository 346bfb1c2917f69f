"""The two consoles: answers go to stdout, what is said about them to stderr. NO_COLOR and dumb terminals count."""

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

# What is piped has no width; a table should not be folded to that of a screen nobody looks at.
_WIDTH_OF_A_PIPE: Final = 160
# A step's error message must not be able to move the cursor, ring the bell or rename the window.
_CONTROLS: Final = {
    code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"
}


def out() -> "Console":
    return _console(error=False)


def err() -> "Console":
    return _console(error=True)


def _console(*, error: bool) -> "Console":
    from rich.console import Console

    stream = sys.stderr if error else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else _WIDTH_OF_A_PIPE
    return Console(stderr=error, highlight=False, width=width)


def harmless(text: str) -> str:
    """The same text without control characters other than line breaks and tabs."""
    return text.translate(_CONTROLS)


def words(*parts: str | tuple[str, str]) -> "Text":
    """Pieces of text, each plain or `(text, style)`: never read as markup, because some of it came from elsewhere."""
    from rich.text import Text

    return Text.assemble(*(harmless(each) if isinstance(each, str) else (harmless(each[0]), each[1]) for each in parts))
