"""What foreign JSON may be, what it gets when it is not, and that no document takes more than linear time."""

import gc
import json
import math
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_engine import jsontext
from workflow_engine.errors import InvalidRequest, MalformedRequest, WorkflowEngineError
from workflow_engine.jsontext import (
    INT64_MAX,
    INT64_MIN,
    Json,
    JsonLimits,
    MalformedJson,
    NestingTooDeep,
    NumberOutOfRange,
    TooManyKeys,
    read_strict,
)

LIMITS = JsonLimits()
MIB = 1024 * 1024

storable_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
documents = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(INT64_MIN, INT64_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | storable_text,
    lambda inner: st.lists(inner) | st.dictionaries(storable_text, inner),
    max_leaves=40,
)


def same(left: Json, right: Json) -> bool:
    """Equality that tells 1 from 1.0 and from true, and 0.0 from -0.0."""
    return repr(left) == repr(right)


@given(documents, st.booleans(), st.sampled_from([None, 2]))
def test_every_document_that_can_be_stored_is_read_as_it_was_written(
    document: Json, ascii_only: bool, indent: int | None
) -> None:
    foreign = json.dumps(document, ensure_ascii=ascii_only, indent=indent).encode()
    assert same(read_strict(foreign, LIMITS), document)


@given(documents)
def test_what_the_edge_accepted_survives_our_own_writer(document: Json) -> None:
    accepted = read_strict(json.dumps(document).encode(), LIMITS)
    assert same(jsontext.load(jsontext.write(accepted)), document)


@given(documents.filter(lambda document: isinstance(document, (dict, list))), st.data())
def test_a_document_that_is_cut_short_is_malformed(document: Json, data: st.DataObject) -> None:
    whole = json.dumps(document).encode()
    with pytest.raises(MalformedJson):
        read_strict(whole[: data.draw(st.integers(0, len(whole) - 1))], LIMITS)


@given(st.binary(max_size=200))
def test_no_bytes_whatever_get_anything_but_a_value_or_a_refusal(data: bytes) -> None:
    with suppress(MalformedRequest, InvalidRequest):
        read_strict(data, JsonLimits(max_nesting=4, max_keys=4))


@given(st.text(alphabet='[]{}",:\\u0dDeE1289.-+ab \n', max_size=60))
def test_strict_reading_accepts_nothing_that_the_standard_reader_refuses(text: str) -> None:
    try:
        value = read_strict(text.encode(), LIMITS)
    except (MalformedRequest, InvalidRequest):
        return
    assert same(json.loads(text), value)


@pytest.mark.parametrize(
    ("text", "line", "column", "offset"),
    [
        (b"", 1, 1, 0),
        (b"{", 1, 2, 1),
        (b'{"a": }', 1, 7, 6),
        (b'{"a": 1,}', None, None, None),
        (b"[1, 2,]", None, None, None),
        (b'{"a": 1} x', 1, 10, 9),
        (b"{'a': 1}", 1, 2, 1),
        (b"[01]", 1, 3, 2),
        (b"[+1]", 1, 2, 1),
        (b"[.5]", 1, 2, 1),
        (b'["\x01"]', 1, 3, 2),
        (b'["a\x00b"]', 1, 4, 3),
        (b'["\\x41"]', 1, 3, 2),
        (b'["open', 1, 2, 1),
        (b"\xef\xbb\xbf{}", 1, 1, 0),
        (b'{"a": 1}'.decode().encode("utf-16"), 1, 1, 0),
        (b'{\n "\xc3\xa9": "\xff"}', 2, 8, 10),
        (b'["\xed\xa0\x80"]', 1, 3, 2),
        (b'["\xc0\x80"]', 1, 3, 2),
        (b"NaN", 1, 1, 0),
        (b'["NaN",\n -Infinity]', 2, 2, 9),
        (b'{"a": Infinity, "b": 1e999}', 1, 7, 6),
        (b'["ok", "a\\ud800b"]', 1, 10, 9),
        (b'["\\ud83d\\ude00", "\\ude00"]', 1, 19, 18),
        (b'["\\ud800\\ud800\\udc00"]', 1, 3, 2),
        (b'["\\\\u0000", "\\u0000"]', 1, 14, 13),
        (b'{"\\u0000": 1}', 1, 3, 2),
        (b'{"a": 1, "b": {"a": 2}, "a": 3}', 1, 25, 24),
        (b'{"\xc3\xa9": 1,\n "\\u00e9" : 2}', 2, 2, 11),
        (b'[{"x": "{\\"a\\":1}"}, {"a": 1, "a": 1}]', 1, 31, 30),
    ],
)
def test_malformed_text_is_refused_with_its_place(
    text: bytes, line: int | None, column: int | None, offset: int | None
) -> None:
    with pytest.raises(MalformedJson) as refusal:
        read_strict(text, LIMITS)
    assert refusal.value.code == "malformed-json"
    assert refusal.value.http_status == 400
    if line is not None:  # where a trailing comma is reported differs between versions of Python
        assert (refusal.value.line, refusal.value.column, refusal.value.offset) == (line, column, offset)


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    for text in (b'{"secret": 1, "secret": 2}', b'["\\qsecret"]', b"[secret]", b'{"secret": 1e999}'):
        with pytest.raises((MalformedRequest, InvalidRequest)) as refusal:
            read_strict(text, LIMITS)
        assert "secret" not in str(refusal.value).replace("/secret", "")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("9223372036854775808", ""),
        ("[-9223372036854775809]", "/0"),
        ('{"a": [0, {"b/c~d": 1e400}]}', "/a/1/b~1c~0d"),
        ('{"": -1.5E+999}', "/"),
        ('{"a": "1e999", "b": [[], [], 1e999, 1e999]}', "/b/2"),
        ("[18446744073709551616]", "/0"),
        ("[1" + "0" * 400 + ".5]", "/0"),
    ],
)
def test_a_number_that_64_bits_cannot_hold_is_refused_with_its_pointer(text: str, where: str) -> None:
    with pytest.raises(NumberOutOfRange) as refusal:
        read_strict(text.encode(), LIMITS)
    assert refusal.value.http_status == 422
    assert [(problem.code, problem.pointer) for problem in refusal.value.problems()] == [("number-out-of-range", where)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("9223372036854775807", INT64_MAX),
        ("-9223372036854775808", INT64_MIN),
        ("1.7976931348623157e308", 1.7976931348623157e308),
        ("1e-9999", 0.0),
        ("0e9999", 0.0),
        ("1E+02", 100.0),
        ("0." + "3" * 400, 1 / 3),
        ('"9223372036854775808 and 1e999"', "9223372036854775808 and 1e999"),
        ('"\\ud83d\\ude00 \\\\ud800 \\/"', "\U0001f600 \\ud800 /"),
        ('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}', {"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}),
        (' \t\r\n"x" \n', "x"),
    ],
)
def test_unusual_but_valid_values_are_read(text: str, value: Json) -> None:
    assert same(read_strict(text.encode(), LIMITS), value)


def test_minus_zero_keeps_its_sign_as_a_float() -> None:
    read = read_strict(b"-0.0", LIMITS)
    assert isinstance(read, float)
    assert math.copysign(1, read) == -1


def test_a_malformed_document_is_malformed_even_when_a_number_in_it_is_too_large() -> None:
    with pytest.raises(MalformedJson):
        read_strict(b"[1e999, oops]", LIMITS)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_nesting_counts_the_containers_that_are_open_at_once(opening: str, closing: str) -> None:
    limits = JsonLimits(max_nesting=6)
    fitting = opening * 4 + f"[{','.join(['[]'] * 20)}]" + closing * 4
    assert read_strict(fitting.encode(), limits) == json.loads(fitting)
    too_deep = opening * 5 + f"[{','.join(['[]'] * 20)}]" + closing * 5
    with pytest.raises(NestingTooDeep) as refusal:
        read_strict(too_deep.encode(), limits)
    assert (refusal.value.code, refusal.value.http_status) == ("nesting-too-deep", 422)


def test_brackets_inside_strings_do_not_nest() -> None:
    text = json.dumps({"a": "[" * 500, "b\\": ['\\"[{' * 100] * 70})
    assert read_strict(text.encode(), LIMITS) == json.loads(text)


def test_keys_count_over_all_objects_together() -> None:
    limits = JsonLimits(max_keys=4)
    assert read_strict(b'[{"a": 1, "b": ":::::::"}, {"a": 1, "b": {}}]', limits)
    with pytest.raises(TooManyKeys) as refusal:
        read_strict(b'[{"a": 1, "b": 2}, {"a": 1, "b": {"c": 1}}]', limits)
    assert (refusal.value.code, refusal.value.http_status) == ("too-many-keys", 422)


Refusal: TypeAlias = type[Exception] | tuple[type[Exception], ...] | None
HOSTILE: dict[str, tuple[Callable[[int], bytes], Refusal]] = {
    "only opening brackets": (lambda size: b"[" * size, NestingTooDeep),
    "only opening objects": (lambda size: b'{"a":' * (size // 5), NestingTooDeep),
    "deep and closed": (lambda size: b"[" * (size // 2) + b"]" * (size // 2), NestingTooDeep),
    "unclosed strings that hold brackets": (lambda size: b'["' * (size // 2), NestingTooDeep),
    "very many lists": (lambda size: b"[" + b"[]," * (size // 3) + b"[]]", None),
    "very many numbers": (lambda size: b"[" + b"1," * (size // 2) + b"1]", None),
    "very many numbers, the last too large": (lambda size: b"[" + b"1," * (size // 2) + b"1e999]", NumberOutOfRange),
    "very many lists, the last number too large": (
        lambda size: b"[" + b"[1]," * (size // 4) + b"[1e999]]",
        NumberOutOfRange,
    ),
    "one huge integer": (lambda size: b"1" * size, NumberOutOfRange),
    "one huge fraction": (lambda size: b"0." + b"1" * size, None),
    "one huge float": (lambda size: b"1" * size + b".5", NumberOutOfRange),
    "one huge exponent": (lambda size: b"1e" + b"9" * size, NumberOutOfRange),
    "the same key again and again": (
        lambda size: b"{" + b'"a":1,' * (size // 6) + b'"a":1}',
        (MalformedJson, TooManyKeys),
    ),
    "a repeated key behind many strings": (lambda size: b"[" + b'"",' * (size // 3) + b'{"a":1,"a":1}]', MalformedJson),
    "NaN behind many strings": (lambda size: b"[" + b'"",' * (size // 3) + b"NaN]", MalformedJson),
    "only escapes, the last a lone surrogate": (
        lambda size: b'"' + b"\\u0041" * (size // 6) + b'\\ud800"',
        MalformedJson,
    ),
    "only backslashes in a string": (lambda size: b'"' + b"\\\\" * (size // 2), MalformedJson),
    "only quotes": (lambda size: b'"' * size, MalformedJson),
    "only spaces": (lambda size: b" " * size, MalformedJson),
    "only line breaks before the mistake": (lambda size: b"\n" * size + b"x", MalformedJson),
}


def seconds_to_read(data: bytes, refusal: Refusal) -> float:
    """Processor time without the collector, whose cost depends on what else lives in this process."""
    gc.disable()
    begun = time.process_time()
    try:
        with pytest.raises(refusal) if refusal else nullcontext():
            read_strict(data, LIMITS)
        return time.process_time() - begun
    finally:
        gc.enable()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_takes_linear_time(name: str) -> None:
    build, expected = HOSTILE[name]
    eighth = seconds_to_read(build(MIB // 4), expected)
    whole = seconds_to_read(build(2 * MIB), expected)
    # Eight times the text may take eight times as long; quadratic would be 64 times. A fifth of a second is noise.
    assert whole < 24 * eighth + 0.2


@pytest.mark.parametrize("name", ["only opening brackets", "only opening objects", "very many numbers"])
def test_a_hostile_body_of_the_largest_size_gets_its_answer(name: str) -> None:
    build, expected = HOSTILE[name]
    assert seconds_to_read(build(8 * MIB), expected) < 30


def test_the_same_key_again_and_again_is_refused_at_either_limit() -> None:
    repeated = b"{" + b'"a":1,' * 50_000 + b'"a":1}'
    with pytest.raises(MalformedJson):
        read_strict(repeated, LIMITS)
    with pytest.raises(TooManyKeys):
        read_strict(repeated, JsonLimits(max_keys=1_000))


def test_pointers_escape_what_rfc_6901_reserves() -> None:
    assert jsontext.pointer() == ""
    assert jsontext.pointer("a/b", 0, "~", "") == "/a~1b/0/~0/"


def test_equal_documents_have_equal_digests_whatever_their_order() -> None:
    assert jsontext.digest({"a": 1, "b": [1, 2]}) == jsontext.digest({"b": [1, 2], "a": 1})
    assert jsontext.digest({"a": [1, 2]}) != jsontext.digest({"a": [2, 1]})


# --- two readers, one answer

ODD_TEXT = st.text(alphabet='ab, ":\\é\x00\ud800{}[]', max_size=6)
ODD_NUMBER = st.integers(-(2**65), 2**65) | st.floats()


class Pairs(list[tuple[str, object]]):
    """An object as it is written: a key may stand in it twice."""


ODD = st.recursive(
    st.none() | st.booleans() | ODD_NUMBER | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(ODD_TEXT, inner), max_size=4).map(Pairs),
    max_leaves=8,
)


def written(value: object, comma: str, colon: str) -> str:
    if isinstance(value, Pairs):
        fields = (json.dumps(key, ensure_ascii=False) + colon + written(each, comma, colon) for key, each in value)
        return "{" + comma.join(fields) + "}"
    if isinstance(value, list):
        return "[" + comma.join(written(each, comma, colon) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


@given(ODD, st.sampled_from([(",", ":"), (", ", ": "), (", ", ":"), (" , ", " : ")]))
def test_the_quick_reader_says_what_the_careful_one_says(value: object, separators: tuple[str, str]) -> None:
    quick = written(value, *separators).encode(errors="surrogatepass")
    careful = b"\n" + quick  # a line break is what the quick reader leaves to the other
    assert outcome(quick) == outcome(careful)


def outcome(data: bytes) -> str:
    try:
        return repr(read_strict(data, JsonLimits()))
    except WorkflowEngineError as refusal:
        return refusal.code
