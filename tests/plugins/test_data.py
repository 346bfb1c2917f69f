"""What the data steps answer, value by value: these shapes are read by clients that exist."""

import copy
from typing import Any

import pytest

from tests.plugins.asking import NOON_TEXT, ask, verdict
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.steps.contract import StepFailure


def failure(step_type: str, config: JsonObject | None = None, given: JsonObject | None = None) -> StepFailure:
    with pytest.raises(StepFailure) as caught:
        verdict(step_type, config, given)
    return caught.value


def result(config: JsonObject, given: JsonObject | None = None) -> Json:
    found: Json = ask("data_processing", config, given)["result"]
    return found


def merged(config: JsonObject, given: JsonObject) -> dict[str, Any]:
    found: dict[str, Any] = ask("data_merge", config, given)["result"]
    return found


# --- data_input


def test_static_input_answers_the_data_of_the_document() -> None:
    assert ask("data_input", {"input_type": "static", "data": {"message": "Hello"}}) == {
        "data": {"message": "Hello"},
        "input_type": "static",
        "timestamp": NOON_TEXT,
        "success": True,
    }


@pytest.mark.parametrize(
    ("config", "data"), [({}, {}), ({"data": [1]}, [1]), ({"data": None}, None), ({"data": "x"}, "x")]
)
def test_static_is_the_default_and_takes_any_json(config: JsonObject, data: Json) -> None:
    assert ask("data_input", config, {"ignored": 1})["data"] == data


def test_dynamic_input_without_a_source_answers_the_whole_input() -> None:
    assert ask("data_input", {"input_type": "dynamic"}, {"a": 1, "b": 2}) == {
        "data": {"a": 1, "b": 2},
        "input_type": "dynamic",
        "source": None,
        "timestamp": NOON_TEXT,
        "success": True,
    }


def test_dynamic_input_answers_the_value_under_its_source() -> None:
    answer = ask("data_input", {"input_type": "dynamic", "source": "b"}, {"a": 1, "b": [2]})
    assert (answer["data"], answer["source"]) == ([2], "b")


def test_a_source_that_is_not_there_names_the_keys_that_are() -> None:
    failed = failure("data_input", {"input_type": "dynamic", "source": "c"}, {"a": "secret", "b": 2})
    assert (failed.error_code, failed.retryable) == ("mapping-error", False)
    assert failed.message == "The input has no key 'c'; it has: a, b"


def test_an_unknown_input_type_is_an_invalid_config() -> None:
    failed = failure("data_input", {"input_type": "magic"})
    assert (failed.error_code, failed.message, failed.retryable) == (
        "invalid-config",
        "Unknown input_type: magic",
        False,
    )


# --- data_processing


def test_the_example_of_the_readme_is_shouted() -> None:
    assert ask("data_processing", {"processing_type": "uppercase"}, {"input": {"message": "Hello, World!"}}) == {
        "result": {"input": {"message": "HELLO, WORLD!"}},
        "processing_type": "uppercase",
        "processed_at": NOON_TEXT,
        "success": True,
    }


@pytest.mark.parametrize("config", [{}, {"processing_type": "passthrough"}, {"processing_type": "identity"}])
def test_passthrough_answers_the_input(config: JsonObject) -> None:
    assert result(config, {"a": {"b": [1, None]}}) == {"a": {"b": [1, None]}}


def test_case_changes_every_string_at_any_depth_but_no_key_and_no_other_value() -> None:
    given: JsonObject = {"Key": ["aB", 1, True, None, {"Inner": "cD", "n": 2.5}], "e": "ß"}
    assert result({"processing_type": "uppercase"}, given) == {
        "Key": ["AB", 1, True, None, {"Inner": "CD", "n": 2.5}],
        "e": "SS",
    }
    assert result({"processing_type": "lowercase"}, given) == {
        "Key": ["ab", 1, True, None, {"Inner": "cd", "n": 2.5}],
        "e": "ß",
    }


def test_case_leaves_the_request_untouched() -> None:
    given: JsonObject = {"a": [{"b": "x"}]}
    before = copy.deepcopy(given)
    assert result({"processing_type": "uppercase"}, given) == {"a": [{"b": "X"}]}
    assert given == before


def test_case_reaches_a_string_deeper_than_the_stack_of_python() -> None:
    deep: Json = "x"
    for _ in range(20_000):
        deep = [deep]
    found: Any = ask("data_processing", {"processing_type": "uppercase"}, {"deep": deep})["result"]["deep"]
    while isinstance(found, list):
        found = found[0]
    assert found == "X"


@pytest.mark.parametrize(
    "config",
    [
        {"processing_type": "transform", "options": {"transformation": "uppercase"}},
        {"processing_type": "transform", "transformation": "uppercase"},
        {"processing_type": "transform", "transformation": "lowercase", "options": {"transformation": "uppercase"}},
    ],
)
def test_a_transformation_stands_in_options_or_beside_them(config: JsonObject) -> None:
    assert result(config, {"a": "b"}) == {"a": "B"}


def test_a_transform_without_a_transformation_changes_nothing() -> None:
    assert result({"processing_type": "transform"}, {"a": "b"}) == {"a": "b"}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"text": "a bb ccc"}, "a bb ccc"),
        ({"content": "a bb", "data": "x"}, "a bb"),
        ({"text": 5, "content": None, "data": "one"}, "one"),
        ({"data": {"text": "not this"}}, ""),
        ({}, ""),
    ],
)
def test_word_count_reads_the_first_text_it_finds(given: JsonObject, text: str) -> None:
    assert result({"processing_type": "word_count"}, given) == {
        "word_count": len(text.split()),
        "character_count": len(text),
        "text_length": len(text),
        "original_data": given,
    }


@pytest.mark.parametrize(
    ("text", "sentiment", "score", "positive", "negative"),
    [
        ("good great bad", "positive", 0.7, 2, 1),
        ("Terrible, AWFUL", "negative", -0.7, 0, 2),
        ("fantastic but horrible", "neutral", 0.0, 1, 1),
        ("plain", "neutral", 0.0, 0, 0),
        ("wonderfully", "positive", 0.7, 1, 0),
    ],
)
def test_sentiment_counts_words_of_praise_and_blame(
    text: str, sentiment: str, score: float, positive: int, negative: int
) -> None:
    assert result({"processing_type": "sentiment_analysis"}, {"text": text}) == {
        "sentiment": sentiment,
        "score": score,
        "positive_indicators": positive,
        "negative_indicators": negative,
        "original_data": {"text": text},
    }


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"a": 1, "b": 2, "c": 3}, {"count": 3}),
        ({}, {"count": 0}),
        ({"data": [1, 2]}, {"count": 2}),
        ({"data": {"x": 1}, "other": 2}, {"count": 1}),
        ({"data": "a bb"}, {"count": 4, "word_count": 2}),
        ({"items": [1, 2, 3]}, {"count": 3}),
        ({"text": "a bb"}, {"count": 4, "word_count": 2}),
        ({"input": {"x": 1, "y": 2}}, {"count": 1}),
    ],
)
def test_count_counts_keys_items_or_characters(given: JsonObject, counted: Json) -> None:
    assert result({"processing_type": "count"}, given) == counted


def test_what_cannot_be_counted_breaks_the_contract() -> None:
    failed = failure("data_processing", {"processing_type": "count"}, {"data": 5})
    assert (failed.error_code, failed.retryable) == ("contract-violation", False)


@pytest.mark.parametrize(
    ("options", "given", "kept"),
    [
        ({"filter_key": "a"}, {"a": 1, "b": 2}, {"a": 1}),
        ({"filter_key": "z"}, {"a": 1, "b": 2}, {}),
        ({"filter_key": "a"}, {"data": {"a": 1, "b": 2}}, {"a": 1}),
        ({"filter_key": "k", "filter_value": 1}, {"data": [{"k": 1}, {"k": 2}, {"x": 1}, 7]}, [{"k": 1}]),
        (
            {"filter_key": "k", "filter_value": 1},
            {"items": [{"k": 1}, {"k": True}, {"k": 1.0}]},
            [{"k": 1}, {"k": 1.0}],
        ),
        ({"filter_key": "k", "filter_value": None}, {"items": [{"k": None}, {}]}, [{"k": None}]),
    ],
)
def test_filter_keeps_a_key_of_an_object_and_matching_items_of_a_list(
    options: Json, given: JsonObject, kept: Json
) -> None:
    assert result({"processing_type": "filter", "options": options}, given) == kept


def test_filter_needs_a_key() -> None:
    assert failure("data_processing", {"processing_type": "filter"}).error_code == "invalid-config"


def test_an_expression_arrives_evaluated_and_is_the_result() -> None:
    assert result({"processing_type": "expression", "expression": {"n": 42}}) == {"n": 42}
    assert failure("data_processing", {"processing_type": "expression"}).error_code == "invalid-config"


def test_metadata_is_merged_into_a_result_that_is_an_object() -> None:
    options: JsonObject = {"metadata": {"by": "us", "count": "no"}}
    assert result({"processing_type": "count", "options": options}, {"a": 1}) == {"by": "us", "count": "no"}


def test_metadata_is_never_dropped_silently() -> None:
    config: JsonObject = {"processing_type": "expression", "expression": [1], "options": {"metadata": {"by": "us"}}}
    assert failure("data_processing", config).error_code == "invalid-config"


@pytest.mark.parametrize(
    ("step_type", "config", "sentence"),
    [
        ("data_processing", {"processing_type": "nope"}, "Unknown processing_type: nope"),
        ("data_processing", {"processing_type": "transform", "transformation": "x"}, "Unknown transformation: x"),
        ("data_merge", {"merge_strategy": "zip"}, "Unknown merge_strategy: zip"),
    ],
)
def test_an_unknown_choice_is_an_invalid_config(step_type: str, config: JsonObject, sentence: str) -> None:
    failed = failure(step_type, config)
    assert (failed.error_code, failed.message, failed.retryable) == ("invalid-config", sentence, False)


# --- data_merge


def test_combine_is_the_default_and_keeps_the_order_of_the_mapping() -> None:
    assert ask("data_merge", {}, {"z": 1, "a": {"b": 2}}) == {
        "result": {
            "merged_data": {"z": 1, "a": {"b": 2}},
            "keys_merged": ["z", "a"],
            "total_keys": 2,
            "merge_strategy": "combine",
        },
        "merged_at": NOON_TEXT,
        "success": True,
    }


def test_combine_may_choose_its_keys() -> None:
    answer = merged({"keys": ["a", "ghost", "z"]}, {"z": 1, "b": 2, "a": 3})
    assert (answer["merged_data"], answer["keys_merged"], answer["total_keys"]) == ({"z": 1, "a": 3}, ["z", "a"], 2)


def test_concatenate_joins_the_strings_by_one_space() -> None:
    assert merged({"merge_strategy": "concatenate"}, {"b": "x", "n": 1, "a": "y", "l": ["z"]}) == {
        "concatenated_text": "x y",
        "source_keys": ["b", "a"],
        "merge_strategy": "concatenate",
    }


def test_sum_adds_numbers_and_no_booleans() -> None:
    assert merged({"merge_strategy": "sum"}, {"a": 1, "b": 2.5, "c": True, "d": "4"}) == {
        "sum": 3.5,
        "numeric_keys": ["a", "b"],
        "count": 2,
        "merge_strategy": "sum",
    }
    whole = merged({"merge_strategy": "sum"}, {"a": 1, "b": 2})["sum"]
    assert (whole, type(whole)) == (3, int)


@pytest.mark.parametrize("given", [{"a": 2**63 - 1, "b": 1}, {"a": 1e308, "b": 1e308}])
def test_a_sum_that_no_json_number_holds_fails(given: JsonObject) -> None:
    assert failure("data_merge", {"merge_strategy": "sum"}, given).error_code == "number-out-of-range"


def test_a_large_float_sum_is_no_overflow() -> None:
    assert merged({"merge_strategy": "sum"}, {"a": 1e300, "b": 1.0})["sum"] == 1e300


def test_list_answers_the_values_in_order() -> None:
    assert merged({"merge_strategy": "list"}, {"b": 1, "a": [2]}) == {
        "merged_data": [1, [2]],
        "merge_strategy": "list",
    }


# --- data_transform


@pytest.mark.parametrize("way", ["template", "expression"])
def test_a_transform_answers_what_was_built(way: str) -> None:
    assert ask("data_transform", {way: {"n": [1]}}) == {
        "result": {"n": [1]},
        "transformed_at": NOON_TEXT,
        "success": True,
    }


@pytest.mark.parametrize("config", [{}, {"template": 1, "expression": 2}])
def test_a_transform_needs_exactly_one_way(config: JsonObject) -> None:
    assert failure("data_transform", config).error_code == "invalid-config"
