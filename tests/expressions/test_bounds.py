"""Expressions made to hold up the engine: each is refused when saved, or ends within a bounded time."""

import time

import pytest

from tests.expressions.scopes import Data, completed, names
from workflow_engine.expressions import (
    EvaluationFailed,
    ExpressionLimits,
    InvalidExpression,
    compile_condition,
    compile_expression,
    compile_template,
)
from workflow_engine.jsontext import Json

NAMES = names("a")
NINE = "+".join(["{0}"] * 9)
THOUSAND: Json = list(range(1000))
PATIENCE = 0.5  # seconds; far above what is needed, far below what the bounds keep away (seconds to minutes)


def evaluate(source: str, value: Json) -> Json:
    template = compile_expression(source, NAMES)
    scope = Data({"a": completed(value)})
    return template.build(scope, template.compute(scope))


@pytest.mark.parametrize(
    "source",
    [
        "+".join(["1"] * 20_000),
        "+".join(["input.n"] * 200),
        "(" * 900 + "1" + ")" * 900,
        "[" * 900 + "]" * 900,
        "[1].map(x, " * 150 + "x" + ")" * 150,
        "[1].map(a,[1].map(b,[1].map(c,[1].map(d,[1].map(e,a)))))",
        "true ? 1 : " * 150 + "1",
        "input" + ".a" * 900,
        "f(" * 600 + ")" * 600,
        "'" + "x" * 2050 + "'",
        "é" * 1025,
        " || ".join(["[1].all(x, true)"] * 5),
        "[" + ", ".join(["input.n + 1"] * 33) + "]",
    ],
)
def test_what_is_too_big_is_refused_when_the_document_is_saved(source: str) -> None:
    started = time.perf_counter()
    with pytest.raises(InvalidExpression):
        compile_expression(source, NAMES)
    with pytest.raises(InvalidExpression):
        compile_condition(source, NAMES)
    assert time.perf_counter() - started < PATIENCE


def test_a_chain_of_signs_is_bounded_by_its_source() -> None:
    assert evaluate("-" * 1999 + "1", None) == -1
    assert compile_condition("!" * 1998 + "true", NAMES).holds(Data()) is True


@pytest.mark.parametrize(
    ("source", "value", "reason"),
    [
        ("a.output.s + a.output.s", {"s": "x" * 40_000}, "65536 bytes"),
        ("+".join(["a.output.s"] * 20), {"s": "x" * 10_000}, "65536 bytes"),
        (
            f"[a.output.s].map(x, [{NINE.format('x')}].map(y, [{NINE.format('y')}].map(z, size({NINE.format('z')}))))",
            {"s": "x" * 1000},
            "65536 bytes",
        ),
        (
            f"[a.output.l].map(x, [{NINE.format('x')}].map(y, [{NINE.format('y')}].map(z, size({NINE.format('z')}))))",
            {"l": list(range(1000))},
            "1000 items|more work",
        ),
        (
            "a.output.l.map(x, " + "+".join(["a.output.s"] * 16) + ")",
            {"l": list(range(1000)), "s": "x" * 4000},
            "more work",
        ),
        ("a.output.l.map(x, x)", {"l": list(range(1001))}, "more than 1000 items"),
        ("(a.output.l + a.output.l).map(x, x)", {"l": list(range(600))}, "more than 1000 items"),
        ("a.output.l.all(x, a.output.l.all(y, a.output.l.all(z, true)))", {"l": list(range(900))}, "more work"),
        ("a.output.l.exists(x, x == 'y')", {"l": ["x" * 70_000]}, "65536 bytes"),
        ("a.output.s.matches('((a?){20}){20}b')", {"s": "a" * 60_000}, "more work"),
        ("a.output.s.matches('b')", {"s": "a" * 70_000}, "65536 bytes"),
        ("a.output.l.map(x, a.output.s.matches('(x|xx)*y'))", {"l": list(range(1000)), "s": "x" * 1000}, "more work"),
        ("size(a.output.rows)", {"rows": [{"k": n} for n in range(300_000)]}, "more data|more work"),
        ("a.output.t == 'x'", {"t": "x\0"}, "NUL"),
        ("a.output.t == 'x'", {"t": "\ud800"}, "not valid Unicode|cannot be computed"),
    ],
)
def test_what_would_take_too_long_on_this_data_fails_before_it_starts(source: str, value: Json, reason: str) -> None:
    started = time.perf_counter()
    with pytest.raises(EvaluationFailed, match=reason):
        evaluate(source, value)
    assert time.perf_counter() - started < PATIENCE


@pytest.mark.parametrize(
    ("source", "value", "expected"),
    [
        ("size(a.output.l.filter(x, x > 1).map(x, x * 2))", {"l": list(range(1000))}, 998),
        ("a.output.l.all(x, x in a.output.l)", {"l": list(range(1000))}, True),
        ("size(a.output.l.map(x, x.name + '!'))", {"l": [{"name": f"n{n}" * 10, "id": n} for n in range(1000)]}, 1000),
        ("a.output.l.exists(x, x.id == 999)", {"l": [{"id": n, "tags": ["a", "b"]} for n in range(1000)]}, True),
        ("size(a.output.l.map(x, x.tags.map(t, t + '!')))", {"l": [{"tags": ["a", "b"]} for _ in range(300)]}, 300),
        ("a.output.s + '!' != ''", {"s": "x" * 60_000}, True),
        ("size(a.output.s)", {"s": "x" * 1_000_000}, 1_000_000),
        ("a.output.id.matches('^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$')", {"id": "0" * 36}, False),
        ("a.output.rows[5].id + 1", {"rows": [{"id": n} for n in range(300_000)]}, 6),
        ("a.output.l.map(x, x)[0] + a.output.l.map(y, y)[1] + a.output.l.map(z, z)[2]", {"l": list(range(1000))}, 3),
    ],
)
def test_ordinary_work_on_ordinary_data_is_within_bounds(source: str, value: Json, expected: Json) -> None:
    assert evaluate(source, value) == expected


def test_all_expressions_of_one_value_share_one_allowance() -> None:
    limits = ExpressionLimits(max_work=250_000)
    template = compile_template(["${a.output.l.map(x, x)}"] * 10, names("a", limits=limits))
    alone = compile_template("${a.output.l.map(x, x)}", names("a", limits=limits))
    scope = Data({"a": completed({"l": list(range(300))})})
    assert alone.compute(scope) == (list(range(300)),)
    with pytest.raises(EvaluationFailed, match="more work"):
        template.compute(scope)


def test_the_same_data_always_ends_the_same_way() -> None:
    source = "a.output.l.all(x, a.output.l.all(y, y >= x || true))"
    for _ in range(3):
        with pytest.raises(EvaluationFailed):
            evaluate(source, {"l": list(range(400))})
        assert evaluate(source, {"l": list(range(60))}) is True
