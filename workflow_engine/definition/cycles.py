"""Circles among things that come before one another."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Final

MOST_CIRCLES_SHOWN: Final = 10


def find_circles(predecessors: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """Circles that share no node, in the direction of time; each begins and ends with its first node in the mapping."""
    ranks = {node: rank for rank, node in enumerate(predecessors)}
    left = dict(predecessors)
    for _ in range(MOST_CIRCLES_SHOWN):
        try:
            TopologicalSorter(left).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1][:-1]
            yield _turned(circle, ranks)
            left = _without(frozenset(circle), left)
        else:
            return


def _without(nodes: frozenset[str], graph: Mapping[str, Sequence[str]]) -> dict[str, Sequence[str]]:
    return {node: [each for each in before if each not in nodes] for node, before in graph.items() if node not in nodes}


def _turned(circle: list[str], ranks: Mapping[str, int]) -> tuple[str, ...]:
    first = min(range(len(circle)), key=lambda index: ranks[circle[index]])
    return (*circle[first:], *circle[:first], circle[first])
