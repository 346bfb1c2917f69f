"""How big the automaton of a regular expression gets: RE2 is linear in the text, times the number of states."""

import re
from typing import Final

ATOM: Final = re.compile(
    r"\\[pP](?:\{[^}]*\}|.)|\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]|\{\d{1,4}(?:,\d{0,4})?\}|.", re.S
)
WIDE: Final = 8  # states for what may be several bytes of UTF-8: `.`, a class, `\pL`


def states(pattern: str) -> int:
    """An upper estimate of the states of `pattern`: groups times their counted repeats, nested ones multiplied."""
    totals = [0]  # states of the group that is open, and of the groups around it
    last = 0  # states of the item that a repeat would apply to
    for atom in ATOM.findall(pattern):
        if atom == "(":
            totals.append(0)
            last = 0
        elif atom == ")" and len(totals) > 1:
            last = totals.pop() + 2
            totals[-1] += last
        elif len(atom) > 2 and atom[0] == "{":
            totals[-1] += last * (_most(atom) - 1)
            last *= _most(atom)
        else:
            last = _size(atom) if atom not in "*+?|" else last + 1
            totals[-1] += _size(atom)
    return sum(totals) + 1


def _most(repeat: str) -> int:
    """`{3}` and `{2,3}` unroll three times, `{3,}` three times and once more."""
    low, comma, high = repeat[1:-1].partition(",")
    return max(1, int(high)) if high else int(low) + (1 if comma else 0) or 1


def _size(atom: str) -> int:
    if atom == "." or atom[0] == "[" or atom[:2] in (r"\p", r"\P", r"\C", r"\D", r"\W", r"\S"):
        return WIDE
    return len(atom.encode("utf-8", "surrogatepass")) if atom[0] != "\\" else 1
