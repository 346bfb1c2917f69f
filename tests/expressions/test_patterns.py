"""The estimate of an automaton's size: about right for ordinary patterns, and large for those that unroll."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine.expressions.patterns import states


@pytest.mark.parametrize(
    ("pattern", "least", "most"),
    [
        ("", 1, 1),
        ("abc", 3, 6),
        ("a|b", 2, 8),
        ("^[a-z]+$", 3, 20),
        (r"\d{4}-\d{2}-\d{2}", 10, 40),
        ("[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", 33, 350),
        (r"[{]a{3}[}]", 5, 30),
        (r"\{1000\}", 6, 12),
        ("x{1000}", 1000, 1100),
        ("(x{10}){10}", 100, 200),
        ("((a?){20}){20}", 400, 2500),
        ("(((a?){10}){10}){10}", 1000, 8000),
        ("x{5,}", 6, 10),
        ("x{2,7}", 7, 10),
        (r"\pL{100}", 100, 900),
        ("é{10}", 20, 30),
        (")(", 1, 10),
        ("[", 1, 10),
    ],
)
def test_repeats_multiply_the_states_of_what_they_repeat(pattern: str, least: int, most: int) -> None:
    assert least <= states(pattern) <= most


@given(st.text(st.sampled_from("ab(){}[]\\,09^$*+?|.p"), max_size=40))
def test_any_text_has_an_estimate(pattern: str) -> None:
    assert states(pattern) >= 1
