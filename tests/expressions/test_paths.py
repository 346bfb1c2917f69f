"""Paths are read leniently or strictly, and written back as CEL writes them."""

import pytest

from tests.expressions.scopes import SKIPPED, Data, completed, names
from workflow_engine.expressions import MappingError, StaticPath, compile_expression

SCOPE = Data({"a": completed({"x": [{"y": 1}], "t": "text"}), "s": SKIPPED}, {"input": {"n": None}})


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (StaticPath("a", None, ("output", "x", 0, "y")), 1),
        (StaticPath("s", None, ("output", "x")), None),
        (StaticPath("s", None, ("status",)), "skipped"),
        (StaticPath(None, "input", ("n",)), None),
    ],
)
def test_what_is_there_is_found_both_ways(path: StaticPath, expected: object) -> None:
    assert path.read(SCOPE) == expected
    assert path.find(SCOPE) == expected


@pytest.mark.parametrize(
    "path",
    [
        StaticPath("a", None, ("output", "nope")),
        StaticPath("a", None, ("output", "x", 1)),
        StaticPath("a", None, ("output", "x", "0")),
        StaticPath("a", None, ("output", "t", 0)),
        StaticPath("a", None, ("output", "t", "x")),
        StaticPath("a", None, ("error", "code")),
        StaticPath(None, "input", ("n", "x")),
    ],
)
def test_what_is_not_there_is_null_or_an_error(path: StaticPath) -> None:
    assert path.find(SCOPE) is None
    with pytest.raises(MappingError):
        path.read(SCOPE)


@pytest.mark.parametrize(
    "text",
    ["steps.a.output.x[0].y", 'steps["fetch-data"].status', 'input["a b"].c', "steps.a", "input", 'input["q-r"][3]'],
)
def test_a_path_is_written_so_that_it_reads_back_as_itself(text: str) -> None:
    (path,) = compile_expression(text, names("a", "fetch-data")).paths
    assert str(path) == text
