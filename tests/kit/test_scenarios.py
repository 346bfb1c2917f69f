"""The list of scenarios itself: each is a sentence of its own, and points at the words it holds a server to."""

import re
from pathlib import Path
from typing import Final

from workflow_engine.testing import SCENARIOS

CHECKOUT: Final = Path(__file__).parents[2]


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_no_two_scenarios_have_one_name() -> None:
    names = [one.name for one in SCENARIOS]
    assert len(names) == len(set(names))


def test_every_scenario_points_at_a_part_of_the_documentation() -> None:
    for one in SCENARIOS:
        page, _, anchor = one.rule.partition("#")
        assert anchor in anchors(CHECKOUT / page), one


def test_every_scenario_can_be_played_somewhere() -> None:
    assert [one.name for one in SCENARIOS if not set(one.transports) <= {"stream", "unary", "rest"}] == []
    assert [one.name for one in SCENARIOS if not one.transports] == []
