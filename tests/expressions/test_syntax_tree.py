"""The tree read from the library's bytes holds what the source says."""

import pytest
from cel_expr_python import cel  # type: ignore[import-untyped]  # the library has no types

from workflow_engine.expressions.syntax_tree import (
    Call,
    Comprehension,
    Literal,
    MakeList,
    MakeMap,
    MakeMessage,
    Name,
    Node,
    Select,
    read_parsed,
)


def parsed(source: str) -> Node:
    return read_parsed(cel.NewEnv().compile(source, disable_check=True).serialize())


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("1", Literal(1)),
        ("-9223372036854775808", Literal(-(2**63))),
        ("9223372036854775807", Literal(2**63 - 1)),
        ("0", Literal(0)),
        ("7u", Literal(7, unsigned=True)),
        ("true", Literal(True)),
        ("false", Literal(False)),
        ("null", Literal(None)),
        ("''", Literal("")),
        ("'é\\n'", Literal("é\n")),
        ("b'x'", Literal(b"x")),
        ("a", Name("a")),
        ("a.b", Select(Name("a"), "b", presence=False)),
        ("has(a.b)", Select(Name("a"), "b", presence=True)),
        ("a[0]", Call("_[_]", (Name("a"), Literal(0)), method=False)),
        ("a.f(1)", Call("f", (Name("a"), Literal(1)), method=True)),
        ("f()", Call("f", (), method=False)),
        ("a + 1", Call("_+_", (Name("a"), Literal(1)), method=False)),
        ("[a, 1]", MakeList((Name("a"), Literal(1)))),
        ("{}", MakeMap(())),
        ("{'k': a}", MakeMap(((Literal("k"), Name("a")),))),
        ("x.Y{z: 1}", MakeMessage("x.Y")),
    ],
)
def test_every_kind_of_node_is_read(source: str, tree: Node) -> None:
    assert parsed(source) == tree
    assert type(getattr(parsed(source), "value", None)) is type(getattr(tree, "value", None))


def test_a_macro_is_read_as_the_loop_it_stands_for() -> None:
    loop = parsed("l.map(x, x + y)")
    assert isinstance(loop, Comprehension)
    assert loop.variables == ("x",)
    assert loop.range == Name("l")
    assert loop.start == MakeList(())
    assert loop.result == Name(loop.accumulator)
    assert Call("_+_", (Name("x"), Name("y")), method=False) in loop.step.operands[1].items  # type: ignore[union-attr]  # parsed above
