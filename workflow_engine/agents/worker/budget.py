"""How many tokens an answer may have, so that a call cannot exceed what an agent's limits leave. Pure arithmetic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

from workflow_engine.agents.worker.asked import Price
from workflow_engine.agents.worker.failures import CostLimitReached, TokenLimitReached

FEWEST: Final = 16
"""An answer of fewer tokens helps nobody and costs something; unless fewer were asked for."""
MARGIN: Final = 1.2
OVERHEAD: Final = 32
"""Tokenizers differ from the one that counts, and providers add words of their own around messages and tools."""
_ANY: Final = 10**9


@dataclass(frozen=True, slots=True)
class Left:
    """What the limits leave: None without a limit."""

    tokens: int | None
    usd: float | None

    @property
    def is_unlimited(self) -> bool:
        return self.tokens is None and self.usd is None


def capped(
    asked: int | None, left: Left, prices: Sequence[Price], most_input: int, count_input: Callable[[], int]
) -> int | None:
    """The most tokens of an answer; None for no limit. `prices` of all models that may answer.

    `most_input` is an upper bound that costs nothing (a token has at least one byte); only when it could matter is the
    input counted. Raises `TokenLimitReached`, `CostLimitReached`.
    """
    if left.is_unlimited:
        return asked
    if asked is not None and _most_output(left, prices, most_input) >= asked:
        return asked
    tokens = min(ceil(count_input() * MARGIN) + OVERHEAD, most_input)
    room = _most_output(left, prices, tokens)
    wanted = room if asked is None else min(asked, room)
    if wanted < min(FEWEST, FEWEST if asked is None else asked):
        raise _reached(left, tokens)
    return wanted if wanted < _ANY else None


def _most_output(left: Left, prices: Sequence[Price], input_tokens: int) -> int:
    by_tokens = [] if left.tokens is None else [left.tokens - input_tokens]
    by_cost = [] if left.usd is None else [_affordable(left.usd, price, input_tokens) for price in prices]
    return min([*by_tokens, *by_cost])


def _affordable(usd: float, price: Price, input_tokens: int) -> int:
    rest = usd - price.of(input_tokens, 0)
    if rest < 0:
        return -1
    return floor(rest * 1_000_000 / price.output_per_million) if price.output_per_million > 0 else _ANY


def _reached(left: Left, input_tokens: int) -> CostLimitReached | TokenLimitReached:
    if left.tokens is not None and left.tokens - input_tokens < FEWEST:
        return TokenLimitReached(max(left.tokens, 0))
    return CostLimitReached(max(left.usd or 0.0, 0.0))
