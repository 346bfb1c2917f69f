"""Agents and usage, over memory, SQLite and PostgreSQL alike."""

from dataclasses import replace

import pytest

from tests.journal.commits import NOW, append, ending, following, opening
from workflow_engine.journal.contract import Commit, HistoryConflict, Journal, KeyTaken, UnknownRow
from workflow_engine.journal.usage import MOST_TOKENS, MOST_USD, UsageFilter, UsageGroup, UsageRow, UsageTotals
from workflow_engine.jsontext import JsonObject

HELPFUL: JsonObject = {"name": "Helpful", "model": "gpt-4o-mini", "limits": {"z": 1, "a": 2}}
TERSE: JsonObject = {**HELPFUL, "temperature": 0.5}
DAY = 86_400.0


# --- agents


async def test_an_agent_is_saved_and_found(journal: Journal) -> None:
    saved = await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW)

    assert (saved.version_number, saved.document, saved.owner) == (1, HELPFUL, "ann")
    assert await journal.agent("default", "helpful") == saved
    assert await journal.agent("other", "helpful") is None


async def test_another_document_is_the_next_version_and_the_first_owner_stays(journal: Journal) -> None:
    await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW)

    saved = await journal.save_agent("default", "helpful", TERSE, "bob", NOW + 5)

    assert (saved.version_number, saved.owner, saved.created_at, saved.updated_at) == (2, "ann", NOW, NOW + 5)
    assert await journal.agent("default", "helpful") == saved


async def test_the_same_document_again_changes_nothing(journal: Journal) -> None:
    first = await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW)

    assert await journal.save_agent("default", "helpful", dict(reversed(HELPFUL.items())), "bob", NOW + 5) == first
    assert list(await journal.agents()) == [first]


async def test_creating_and_replacing_say_what_is_in_the_way(journal: Journal) -> None:
    with pytest.raises(UnknownRow, match="agent 'helpful'"):
        await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW, create=False)
    first = await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW, create=True)
    with pytest.raises(KeyTaken, match="agent 'helpful'"):
        await journal.save_agent("default", "helpful", TERSE, "ann", NOW, create=True)

    assert list(await journal.agents("default")) == [first]


async def test_agents_are_listed_by_namespace(journal: Journal) -> None:
    for namespace, agent_id in (("default", "b"), ("other", "a"), ("default", "a")):
        await journal.save_agent(namespace, agent_id, HELPFUL, "ann", NOW)

    assert [row.agent_id for row in await journal.agents("default")] == ["a", "b"]
    assert [(row.namespace, row.agent_id) for row in await journal.agents()] == [
        ("default", "a"),
        ("default", "b"),
        ("other", "a"),
    ]


async def test_an_agent_is_deleted_once(journal: Journal) -> None:
    await journal.save_agent("default", "helpful", HELPFUL, "ann", NOW)
    await journal.save_agent("other", "helpful", HELPFUL, "ann", NOW)

    assert await journal.delete_agent("default", "helpful") is True
    assert await journal.delete_agent("default", "helpful") is False
    assert [row.namespace for row in await journal.agents()] == ["other"]


# --- usage


def a_call(execution_id: str = "e", **facts: object) -> UsageRow:
    """A call of 100 tokens in and 10 out for a quarter of a dollar; `facts` are fields of `UsageRow`."""
    call = UsageRow(
        namespace="default",
        execution_id=execution_id,
        path="ask#1.model",
        step_id="ask",
        turn=1,
        agent="Helpful",
        model="openai/gpt-4o-mini",
        provider="openai",
        principal="local",
        input_tokens=100,
        output_tokens=10,
        at=NOW,
        cost_usd=0.25,
    )
    return replace(call, **facts)  # type: ignore[arg-type]  # the caller names them rightly


async def used(journal: Journal, *calls: UsageRow) -> None:
    """Executions that are open, with these calls, a commit for each."""
    before: dict[tuple[str, str], Commit] = {}
    for call in calls:
        key = (call.namespace, call.execution_id)
        if key not in before:
            before[key] = opening(call.execution_id, namespace=call.namespace)
            await append(journal, before[key])
        before[key] = replace(following(before[key]), usage=(call,))
        await append(journal, before[key])


async def lines(journal: Journal, **wanted: object) -> list[tuple[str | None, int]]:
    """Key and number of calls of every line of a report."""
    report = await journal.usage(UsageFilter(**wanted))  # type: ignore[arg-type]  # as above
    return [(line.key, line.calls) for line in report]


async def test_usage_is_written_with_the_events_it_belongs_to(journal: Journal) -> None:
    await used(journal, a_call(cost_usd=0.5), a_call(simulated=True, cost_usd=None))

    assert list(await journal.usage(UsageFilter())) == [
        UsageTotals(
            key=None,
            calls=2,
            input_tokens=200,
            output_tokens=20,
            cost_usd=0.5,
            unknown_cost_calls=1,
            simulated_calls=1,
        )
    ]


async def test_a_refused_commit_leaves_no_usage_behind(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    second = replace(following(first), usage=(a_call(),))
    await append(journal, second)

    with pytest.raises(HistoryConflict):
        await append(journal, second)

    assert await lines(journal) == [(None, 1)]


async def test_without_any_usage_a_total_is_zero_and_groups_are_empty(journal: Journal) -> None:
    assert list(await journal.usage(UsageFilter())) == [UsageTotals(None, 0, 0, 0, 0.0, 0, 0)]
    assert await lines(journal, group_by=UsageGroup.AGENT) == []


@pytest.mark.parametrize(
    ("group", "field"),
    [
        (UsageGroup.EXECUTION, "execution_id"),
        (UsageGroup.STEP, "step_id"),
        (UsageGroup.AGENT, "agent"),
        (UsageGroup.USER, "user_id"),
        (UsageGroup.PRINCIPAL, "principal"),
        (UsageGroup.MODEL, "model"),
        (UsageGroup.WORKFLOW, "workflow_id"),
        (UsageGroup.NAMESPACE, "namespace"),
    ],
)
async def test_usage_is_summed_up_by_each_thing_that_a_call_belongs_to(
    journal: Journal, group: UsageGroup, field: str
) -> None:
    await used(journal, *(a_call(**{"execution_id": f"e{n}", field: name}) for n, name in enumerate(("x", "y", "x"))))

    assert await lines(journal, group_by=group) == [("x", 2), ("y", 1)]


async def test_the_dearest_comes_first_then_whoever_called_most_often(journal: Journal) -> None:
    await used(
        journal,
        a_call("cheap", agent="cheap", cost_usd=0.125),
        *(a_call("busy", agent="busy", cost_usd=None) for _ in range(3)),
        a_call("dear", agent="dear", cost_usd=2.0),
        a_call("unknown", agent="a", cost_usd=None),
        a_call("unknown", agent="b", cost_usd=None),
    )

    expected: list[tuple[str | None, int]] = [("dear", 1), ("cheap", 1), ("busy", 3), ("a", 1), ("b", 1)]
    assert await lines(journal, group_by=UsageGroup.AGENT) == expected
    assert await lines(journal, group_by=UsageGroup.AGENT, limit=2, offset=1) == expected[1:3]


async def test_calls_that_nobody_is_named_for_are_a_line_of_their_own(journal: Journal) -> None:
    await used(journal, a_call(), a_call(user_id="ann", cost_usd=0.5))

    assert await lines(journal, group_by=UsageGroup.USER) == [("ann", 1), (None, 1)]


@pytest.mark.parametrize(
    "field",
    ["namespace", "execution_id", "workflow_id", "step_id", "agent", "agent_id", "user_id", "principal", "model"],
)
async def test_a_report_may_be_about_one_of_them_alone(journal: Journal, field: str) -> None:
    await used(journal, *(a_call(**{"execution_id": "e", field: name}) for name in ("x", "y")))

    assert await lines(journal, **{field: "x"}) == [(None, 1)]
    assert await lines(journal, **{field: "z"}) == [(None, 0)]


async def test_a_window_begins_at_its_first_instant_and_ends_before_its_last(journal: Journal) -> None:
    await used(journal, *(a_call(at=NOW + second) for second in range(5)))

    assert await lines(journal, since=NOW + 1, until=NOW + 3) == [(None, 2)]
    assert await lines(journal, since=NOW + 4) == [(None, 1)]
    assert await lines(journal, until=NOW) == [(None, 0)]


async def test_usage_outlives_its_execution_and_has_a_retention_of_its_own(journal: Journal) -> None:
    first = opening("e")
    await append(journal, first)
    calls = tuple(a_call(at=NOW + day * DAY) for day in (4, 2, 0, 3, 1))
    await append(journal, replace(ending(first), usage=calls))

    assert await journal.prune(None, NOW + 1, NOW + 1, limit=10) == 1
    assert await lines(journal) == [(None, 5)]

    assert await journal.prune_usage(NOW + 3 * DAY, limit=2) == 2
    assert await lines(journal, until=NOW + 2 * DAY) == [(None, 0)]
    assert await journal.prune_usage(NOW + 3 * DAY, limit=2) == 1
    assert await journal.prune_usage(NOW + 3 * DAY, limit=2) == 0
    assert await lines(journal) == [(None, 2)]


async def test_counts_that_no_model_reaches_are_cut_and_spoil_no_sum(journal: Journal) -> None:
    wild = a_call(input_tokens=2**63, output_tokens=-5, cost_usd=1e300)
    await used(journal, wild, wild, a_call(cost_usd=float("inf")))

    (total,) = await journal.usage(UsageFilter())
    assert (total.input_tokens, total.output_tokens) == (2 * MOST_TOKENS + 100, 10)
    assert (total.cost_usd, total.unknown_cost_calls) == (2 * MOST_USD, 1)
