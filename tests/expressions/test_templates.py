"""Mappings, templates and whole expressions: what is taken over, what is computed, what is refused."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.expressions.scopes import ROOTS, RUNNING, SKIPPED, Data, completed, failed, names
from workflow_engine.expressions import (
    EvaluationFailed,
    ExpressionLimits,
    InvalidExpression,
    MappingError,
    Template,
    UnknownReference,
    compile_expression,
    compile_mapping,
    compile_template,
)
from workflow_engine.expressions.templates import Hole, split_template
from workflow_engine.jsontext import Json

OUTPUT: dict[str, Json] = {
    "data": {"n": 3, "who": "Ada", "list": [{"c": 5}, 2], "none": None, "half": 0.5, "on": True, "my-key": "dash"},
    "output": {"x": "nested"},
    "évil": "${1+1}",
}
NAMES = names("a", "s", "f", "r", "fetch-data", previous="a", roots=ROOTS | {"item", "index"})
DATA = Data(
    {
        "a": completed(OUTPUT),
        "s": SKIPPED,
        "f": failed("timeout", "too slow"),
        "r": RUNNING,
        "fetch-data": completed([1, 2, 3]),
    },
    {
        "input": {"n": 3, "text": "${1+1}", "o": {"z": 1, "b": [True, None]}},
        "global": {"region": "eu"},
        "execution": {"id": "e-1"},
        "workflow": {"name": "w"},
        "item": {"id": 9},
        "index": 4,
    },
)


def value_of(template: Template, scope: Data = DATA) -> Json:
    return template.build(scope, template.compute(scope))


def mapped(value: Json) -> Json:
    return value_of(compile_mapping(value, NAMES))


def templated(value: Json) -> Json:
    return value_of(compile_template(value, NAMES))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a", OUTPUT),
        ("a.data.n", 3),
        ("a.data.list[0].c", 5),
        ("a.data.list[1]", 2),
        ("a['data'].who", "Ada"),
        ("a.data.none", None),
        ("a.data.my-key", "dash"),
        ("a.output.x", "nested"),
        ("steps.a.output.data.n", 3),
        ("steps.a.status", "completed"),
        ("steps.f.error.code", "timeout"),
        ('steps["fetch-data"].output[2]', 3),
        ("fetch-data", [1, 2, 3]),
        ("fetch-data[1]", 2),
        ("$prev", OUTPUT),
        ("$prev.data.n", 3),
        ("$prev['data'].list[0]", {"c": 5}),
        ("input", DATA.roots["input"]),
        ("input.n", 3),
        ("global.region", "eu"),
        ("item", {"id": 9}),
        ("item.id", 9),
        ("index", 4),
        ("execution.id", "e-1"),
        ("workflow.name", "w"),
        ("s.data.v", None),
        ("s", None),
        ("steps.s.output.anything[3]", None),
        ("steps.s.status", "skipped"),
    ],
)
def test_a_mapping_path_reads_the_output_of_the_step(path: str, expected: Json) -> None:
    template = compile_mapping(path, NAMES)
    assert template.compute(DATA) == ()
    assert value_of(template) == expected
    assert not template.is_literal


def test_a_plain_reference_is_taken_over_without_a_copy() -> None:
    assert mapped("a.data") is OUTPUT["data"]
    assert mapped("${steps.a.output.data}") is OUTPUT["data"]
    built = templated({"deep": ["${a.output.data}"]})
    assert built == {"deep": [OUTPUT["data"]]}
    assert built["deep"][0] is OUTPUT["data"]  # type: ignore[index]  # built as such


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a.data.nope", "no `nope`; `steps.a.output.data` has the keys n, who, list"),
        ("a.data.n.x", "`steps.a.output.data.n` is a number"),
        ("a.data.none.x", "`steps.a.output.data.none` is null"),
        ("a.data.who[0]", "is text"),
        ("a.data.list[2]", r"is a list of 2: there is no `\[2\]`"),
        ("a.data.list.c", r"an item is written `\[0\]`"),
        ("a.data[0]", "has the keys"),
        ("f.data", "step `f` is failed and has no output; read `steps.f.status` or `steps.f.error` instead"),
        ("r.data", "step `r` is running and has no output"),
        ("steps.a.error.code", "step `a` is completed and has no error"),
        ("input.nope", "`input` has the keys n, text, o"),
        ("${steps.a.output.nope}", "no `nope`"),
        ("${f.output}", "read `steps.f.status`"),
        ("text ${steps.a.output.nope}", "no `nope`"),
    ],
)
def test_a_reference_to_what_is_not_there_is_a_mapping_error(path: str, message: str) -> None:
    with pytest.raises(MappingError, match=message) as failure:
        mapped(path)
    assert failure.value.code == "mapping-error"
    assert "Ada" not in str(failure.value)


def test_a_mapping_error_lists_at_most_twenty_keys() -> None:
    scope = Data({"a": completed({f"key{n:03}": n for n in range(500)})})
    with pytest.raises(MappingError, match="key019 and 480 more"):
        value_of(compile_mapping("a.nope", names("a")), scope)


@pytest.mark.parametrize(
    "text", ["Hello world", "", "a.", "a..b", "a[x]", "1.5", "$prevx", "$next", "a b", "a[-1]", "é"]
)
def test_plain_text_is_no_mapping_and_the_advice_says_where_it_belongs(text: str) -> None:
    with pytest.raises(InvalidExpression) as refusal:
        compile_mapping(text, NAMES)
    assert text.startswith("$prev") or "`input_data` or `config`" in str(refusal.value)


@pytest.mark.parametrize("path", ["ghost.x", "ghost", "steps.ghost.output", "fetch.data", "nope[0]"])
def test_a_path_from_a_step_that_does_not_exist_is_an_unknown_reference(path: str) -> None:
    with pytest.raises(UnknownReference) as refusal:
        compile_mapping(path, NAMES)
    assert refusal.value.code == "unknown-reference"


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        ("steps", "the id of a step"),
        ("steps[0]", "the id of a step"),
        ("steps.a.data", "write `steps.a.output.data`"),
        ("error.code", "only in a catch target"),
        ("state.x", "only in a graph"),
    ],
)
def test_a_path_that_cannot_be_meant_is_refused_with_advice(path: str, advice: str) -> None:
    with pytest.raises(InvalidExpression, match=advice):
        compile_mapping(path, NAMES)


def test_the_error_is_in_scope_of_a_catch_target() -> None:
    scope = Data({}, {"error": {"code": "invalid-config", "step_id": "a"}})
    target = names("a", roots=ROOTS | {"error"})
    assert value_of(compile_mapping("${error.code}", target), scope) == "invalid-config"
    assert value_of(compile_mapping("error.step_id", target), scope) == "a"


def test_prev_without_a_single_dependency_is_refused() -> None:
    with pytest.raises(InvalidExpression, match="exactly one dependency"):
        compile_mapping("$prev.x", names("a", "b"))


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("${steps.a.output.data.n + 1}", 4),
        ("${ a.output.data.n + 1 }", 4),
        ("${steps.a.output.data.half * 2.0}", 1.0),
        ("Hello ${steps.a.output.data.who}!", "Hello Ada!"),
        ("${a.output.data.who}${a.output.data.n}", "Ada3"),
        (
            "n=${a.output.data.n} h=${a.output.data.half} b=${a.output.data.on} z=${a.output.data.none}",
            "n=3 h=0.5 b=true z=null",
        ),
        ("o=${input.o}", 'o={"z":1,"b":[true,null]}'),
        ("s=${s.output.x}", "s=null"),
        ("cost $${x} and ${input.n}", "cost ${x} and 3"),
        ("$${x}", "${x}"),
        ("$$${input.n}", "$${input.n}"),
        ("$ {x} $5 }", "$ {x} $5 }"),
        ("${input.text}", "${1+1}"),
        ("again ${input.text}", "again ${1+1}"),
        ("${{'a': {'b': input.n}}}", {"a": {"b": 3}}),
        ("${{'a': {'b': input.n}}.a.b}", 3),
        ("x${'}' + \"{\" + '\\'}'}y", "x}{'}y"),
        ("${r'\\}' + 'z'}", "\\}z"),
        ("${'''a}'b''' + 'c'}", "a}'bc"),
        ("${steps.a.output.?nope.orValue(0)}", 0),
        ("${steps.a.output.data.?n.orValue(0)}", 3),
        ("${steps.s.?output.?x.orValue('none')}", "none"),
        ("${steps.a.status}", "completed"),
        ("${f.error.message}", "too slow"),
        ("${steps.a}", {"status": "completed", "output": OUTPUT}),
        ('${size(steps["fetch-data"].output)}', 3),
        ("${steps['fetch-data'].output.map(a, a * 2)}", [2, 4, 6]),
        ("${steps['fetch-data'].output[index - 3]}", 2),
        ("${a.output.data.list[0].c + a.output.data.list[1]}", 7),
        ("${9007199254740993 + 0}", 9007199254740993),
        ("${input.o.b.exists(item, item == null)}", True),
        ("${input.o.?missing.optMap(v, v + 1).orValue(7)}", 7),
        ("${optional.of(input.n).optMap(v, v + 1).orValue(7)}", 4),
        ("${size(input.o) + size(a.output.data.list)}", 4),
        ("${has(input.o.z) ? input.o : null}", {"b": [True, None], "z": 1}),
        ("${string(input.n) + 'x'}", "3x"),
    ],
)
def test_a_template_alone_keeps_its_type_and_inside_text_it_is_rendered(template: str, expected: Json) -> None:
    result = value_of(compile_template(template, NAMES))
    assert result == expected
    assert type(result) is type(expected)
    assert value_of(compile_mapping([template], NAMES)) == [expected]


def test_templates_act_at_any_depth_but_never_on_keys() -> None:
    value: Json = {"${input.n}": ["${input.n}", {"t": "n=${input.n}", "l": [1, None, "a.data"]}], "$${k}": "$${v}"}
    assert templated(value) == {"${input.n}": [3, {"t": "n=3", "l": [1, None, "a.data"]}], "$${k}": "${v}"}
    assert mapped(value) == templated(value)


def test_a_plain_string_is_a_path_only_as_the_whole_of_a_mapping() -> None:
    assert templated("a.data.n") == "a.data.n"
    assert mapped(["a.data.n"]) == ["a.data.n"]


@pytest.mark.parametrize("value", [None, 7, 1.5, True, "text", [], {}, {"a": [1, {"b": "x"}]}])
def test_a_literal_is_the_value_itself(value: Json) -> None:
    template = compile_template(value, NAMES)
    assert template.is_literal
    assert template.compute(DATA) == ()
    assert template.build(DATA, ()) is value


def test_a_literal_part_is_not_copied() -> None:
    part: Json = {"big": [1, 2, 3]}
    built: Any = templated({"kept": part, "new": "${input.n}"})
    assert built["kept"] is part


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("${", "literal `\\${` is written `\\$\\${`"),
        ("${input.n", "not closed"),
        ("x ${'}'", "not closed"),
        ("${}", "empty"),
        ("${  }", "empty"),
        ("${input.n +}", "not valid CEL"),
        ("${1 + 'a'}", "no matching overload"),
        ("${nope(1)}", "not valid CEL"),
        ("${steps}", "literal id"),
        ("${size(steps)}", "literal id"),
        ("${steps[input.n].output}", "literal id"),
        ("${steps.a.data}", r"write `steps\.a\.output\.data`"),
        ("${a.data}", r"write `steps\.a\.output\.data`"),
        ("${a['my-key'] + 1}", r'write `steps\.a\.output\["my-key"\]`'),
        ("${steps.a[input.n]}", "write one of them"),
        ("${has(a.data)}", "only status, output and error"),
        ("${error.code}", "only in a catch target"),
        ("${'a'.matches(input.text)}", "literal text"),
        ("${'a'.matches('(')}", "RE2"),
        ("${'a'.matches('(a{500}){500}')}", "too big"),
        ("${google.protobuf.Timestamp{seconds: 1}}", "not messages"),
        ("${$prev.data}", "not valid CEL"),
        ("${'a\0b'}", "without NUL"),
    ],
)
def test_a_template_that_cannot_work_is_refused_with_advice(template: str, advice: str) -> None:
    for compile_it in (compile_template, compile_mapping):
        with pytest.raises(InvalidExpression, match=advice):
            compile_it({"deep": [template]}, NAMES)


@pytest.mark.parametrize(
    ("template", "advice"),
    [
        ("${steps.ghost.output}", "no step `ghost`"),
        ("${ghost.output}", "`ghost` is no step"),
        ("${fetch-data.output}", r'write `steps\["fetch-data"\]`'),
        ("${input.l.map(x, y)}", "`y` is no step"),
        ("${[1].map(x, x) + x}", "`x` is no step"),
    ],
)
def test_an_unknown_name_is_found_when_the_document_is_saved(template: str, advice: str) -> None:
    with pytest.raises(UnknownReference, match=advice):
        compile_template(template, NAMES)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("1.0 / 0.0", "infinite"),
        ("[0.0 / 0.0]", "infinite or none"),
        ("9223372036854775807 + input.n", "overflow"),
        ("uint(input.n)", "unsigned"),
        ("[18446744073709551615u]", "outside 64 bit"),
        ("b'abc'", "not JSON"),
        ("timestamp('2020-01-01T00:00:00Z')", "not JSON"),
        ("duration('1s')", "not JSON"),
        ("type(1)", "not JSON"),
        ("optional.of(1)", "orValue"),
        ("[optional.of(1)]", "orValue"),
        ("{1: 2}", "key that is not text"),
        ("steps.a.output.data.nope + 1", "no key `nope`; write `.\\?`"),
        ("steps.s.output.x + 1", "no key `output`"),
        ("input.o[input.text]", "there is no key; write"),
        ("int(a.output.data.who)", "cannot convert string to int"),
        ("input.n + 0.5", "no operation for these types"),
        ("input.n.x == 1", "cannot be computed|no operation"),
        ("a.output.data.list[7] + 1", "no key|Index error"),
    ],
)
def test_what_is_no_json_or_cannot_be_computed_fails_the_evaluation(expression: str, reason: str) -> None:
    template = compile_expression(expression, NAMES)
    with pytest.raises(EvaluationFailed, match=reason) as failure:
        template.compute(DATA)
    assert failure.value.code == "expression-error"
    assert "Ada" not in str(failure.value)
    assert "${1+1}" not in str(failure.value)


def test_an_expression_is_cel_as_a_whole_unless_it_is_a_template() -> None:
    assert value_of(compile_expression("input.n * 2", NAMES)) == 6
    assert value_of(compile_expression("input.n", NAMES)) == 3
    assert value_of(compile_expression("twice: ${input.n * 2}", NAMES)) == "twice: 6"
    assert value_of(compile_expression("'$${' + 'x'", NAMES)) == "$${x"


def test_references_and_paths_tell_what_is_read() -> None:
    template = compile_template(
        {"x": "${f.error.code}", "y": "${steps.a.output.data.n + input.n}", "z": ["${a.output.?p.orValue(1)}"]}, NAMES
    )
    assert template.references == ("f", "a")
    assert [str(path) for path in template.paths] == [
        "steps.f.error.code",
        "steps.a.output.data.n",
        "input.n",
        "steps.a.output",
    ]


def test_steps_may_be_called_like_something_of_cel_itself() -> None:
    taken = names("size", "optional", "int", "list", "in", "true", "a-b", "math")
    scope = Data({step_id: completed({"n": 1}) for step_id in taken.step_ids})
    assert value_of(compile_template("${size.output.n + size([1])}", taken), scope) == 2
    assert value_of(compile_template("${optional.output.n + optional.of(1).orValue(0)}", taken), scope) == 2
    assert value_of(compile_template("${[math.output.n, int('1')]}", taken), scope) == [1, 1]
    for step_id in sorted(taken.step_ids):
        assert value_of(compile_template(f'${{steps["{step_id}"].output.n + 1}}', taken), scope) == 2
        assert value_of(compile_mapping(f"{step_id}.n", taken), scope) == 1


def test_a_loop_variable_is_no_step() -> None:
    template = compile_template("${input.o.b.map(a, [a])}", NAMES)
    assert template.references == ()
    outside = compile_template("${[1].map(a, a + 1)[0] + a.output.data.n}", NAMES)
    assert outside.references == ("a",)
    assert value_of(outside) == 5


def test_only_what_is_mentioned_is_asked_of_the_scope() -> None:
    class Curious(Data):
        def step(self, step_id: str) -> Mapping[str, Json]:
            assert step_id == "a"
            return super().step(step_id)

        def root(self, name: str) -> Json:
            raise AssertionError(name)

    scope = Curious(DATA.steps, DATA.roots)
    assert value_of(compile_template("${a.output.data.n > 1 && steps.a.status == 'completed'}", NAMES), scope) is True


def test_building_from_recorded_values_does_not_compute_again() -> None:
    template = compile_template({"t": "n=${input.n}", "n": "${input.n + 1}", "o": "${input.o}"}, NAMES)
    computed = template.compute(DATA)
    assert computed == ("n=3", 4)
    assert template.build(DATA, ["recorded", 0]) == {"t": "recorded", "n": 0, "o": {"z": 1, "b": [True, None]}}


def test_objects_that_are_computed_have_sorted_keys_in_every_process() -> None:
    result = templated("${[input.o, {'c': 1, 'a': 2, 'b': input.n}]}")
    assert json.dumps(result) == '[{"b": [true, null], "z": 1}, {"a": 2, "b": 3, "c": 1}]'


def test_the_number_and_size_of_expressions_in_one_value_are_bounded() -> None:
    limits = ExpressionLimits(max_expressions=3, max_text_parts=2, max_text_bytes=10)
    small = names("a", limits=limits)
    with pytest.raises(InvalidExpression, match="at most 3 expressions"):
        compile_template(["${1}", "${2}", "${3}", "${4}"], small)
    with pytest.raises(InvalidExpression, match="at most 2 expressions"):
        compile_template("${1}${2}${3}", small)
    with pytest.raises(EvaluationFailed, match="longer than 10"):
        value_of(compile_template("${input.t} ${input.t}", small), Data({}, {"input": {"t": "sixsix"}}))
    assert compile_template("$${x}" * 100, small).is_literal


def test_nesting_beyond_the_limit_is_refused() -> None:
    deep: Json = "x"
    for _ in range(70):
        deep = [deep]
    with pytest.raises(InvalidExpression, match="nested at most 64"):
        compile_template(deep, NAMES)


def test_a_hole_that_never_closes_is_found_without_reading_the_whole_text() -> None:
    with pytest.raises(InvalidExpression, match="within 2048 bytes"):
        compile_template("${" + '"""' * 200_000, NAMES)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON)
def test_json_without_templates_passes_through_unchanged(value: Json) -> None:
    if "${" not in json.dumps(value):
        assert compile_template(value, NAMES).build(DATA, ()) is value


@settings(deadline=None)
@given(JSON)
def test_any_json_survives_a_reference_and_an_expression(value: Json) -> None:
    scope = Data({"a": completed({"v": value})})
    plain = names("a")
    assert value_of(compile_template("${a.output.v}", plain), scope) is value
    through_cel = value_of(compile_template("${[a.output.v][0]}", plain), scope)
    assert json.dumps(through_cel, sort_keys=True) == json.dumps(value, sort_keys=True)


@settings(deadline=None)
@given(TEXT, st.lists(TEXT, max_size=3))
def test_data_is_never_expanded_again(data: str, around: list[str]) -> None:
    scope = Data({"a": completed({"v": data})})
    escaped = [text.replace("$", "") for text in around]
    template = "${a.output.v}".join(["", *escaped, ""]) if escaped else "x${a.output.v}"
    expected = data.join(["", *escaped, ""]) if escaped else f"x{data}"
    assert value_of(compile_template(template, names("a")), scope) == expected


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            ["${input.n + 1}", "${input.o}", "t ${input.n}", "$${x}", "plain", "${s.output.x}", "${[input.o]}"]
        ),
        max_size=6,
    ),
    JSON,
)
def test_computing_and_building_equals_evaluating_anew(texts: list[str], literal: Json) -> None:
    document: Json = {"l": list(texts), "o": {str(at): text for at, text in enumerate(texts)}, "j": "x", "k": [1, None]}
    template = compile_template(document, NAMES)
    recorded = json.loads(json.dumps(template.compute(DATA)))
    again = compile_template(json.loads(json.dumps(document)), NAMES)
    assert template.build(DATA, recorded) == value_of(again)


@given(st.text(st.sampled_from("${}'\"r\\ax/`"), max_size=20))
def test_any_text_is_either_cut_into_parts_or_refused(text: str) -> None:
    try:
        parts = split_template(text, ExpressionLimits())
    except InvalidExpression:
        assert "${" in text
        return
    whole = "".join(f"${{{part.source}}}" if isinstance(part, Hole) else part for part in parts)
    assert len(whole) <= len(text)
