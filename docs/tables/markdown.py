"""Markdown, as far as generated parts need it."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Pipes and line breaks inside cells are made harmless."""
    lines = [_line(head), _line(["---"] * len(head)), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;').replace(chr(10), ' ') for cell in cells)} |"


def code(text: str) -> str:
    return f"`{text}`" if text else ""


def first_sentence(docstring: str | None) -> str:
    """Of the first paragraph of a docstring, on one line."""
    paragraph = " ".join((docstring or "").strip().partition("\n\n")[0].split())
    sentence, stop, _ = paragraph.partition(". ")
    return sentence + (stop.strip() or "")
