"""Reports about usage stay within the namespace of whoever asks, and their total is of everything."""

import pytest

from tests.journal.test_bookkeeping import a_call, used
from workflow_engine.engine.caller import Caller
from workflow_engine.engine.usage import Usage
from workflow_engine.journal.memory import MemoryJournal
from workflow_engine.journal.usage import UsageFilter, UsageGroup


@pytest.fixture
async def usage() -> Usage:
    journal = MemoryJournal()
    await journal.open()
    await used(
        journal,
        a_call("e1", agent="dear", cost_usd=2.0),
        a_call("e1", agent="cheap", cost_usd=None),
        a_call("e2", agent="cheap", cost_usd=0.5),
        a_call("e3", namespace="acme", agent="foreign"),
    )
    return Usage(journal)


async def test_a_page_of_lines_comes_with_the_total_of_all(usage: Usage) -> None:
    report = await usage.report(Caller(), UsageFilter(UsageGroup.AGENT, limit=1))

    assert [(line.key, line.calls) for line in report.lines] == [("dear", 1)]
    assert (report.total.calls, report.total.cost_usd, report.total.unknown_cost_calls) == (3, 2.5, 1)


async def test_without_grouping_there_is_a_total_and_no_lines(usage: Usage) -> None:
    report = await usage.report(Caller(), UsageFilter(agent="cheap"))

    assert (list(report.lines), report.total.calls, report.total.cost_usd) == ([], 2, 0.5)


async def test_nobody_sees_the_usage_of_another_namespace(usage: Usage) -> None:
    asked = UsageFilter(UsageGroup.NAMESPACE, namespace="acme")

    assert [line.key for line in (await usage.report(Caller(), asked)).lines] == ["default"]
    assert [line.key for line in (await usage.report(Caller(namespace="acme"), asked)).lines] == ["acme"]
