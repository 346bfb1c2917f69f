"""Steps that bring data in and change its shape. All are pure: the same request always gives the same answer."""

from collections.abc import Callable
from typing import Final, TypeAlias

from workflow_engine.clock import iso
from workflow_engine.jsontext import INT64_MAX, INT64_MIN, Json, JsonObject
from workflow_engine.steps.authoring import ALWAYS_TRUE, ANYTHING, INSTANT, closed_object, open_object, same_json
from workflow_engine.steps.contract import (
    DefaultInput,
    Effect,
    ErrorCode,
    InvalidConfig,
    OfferedStep,
    StepFailure,
    StepRequest,
    StepType,
)

POSITIVE_WORDS: Final = ("good", "great", "excellent", "amazing", "wonderful", "fantastic")
NEGATIVE_WORDS: Final = ("bad", "terrible", "awful", "horrible", "disappointing")

_Config: TypeAlias = JsonObject


def workflow_engine_step_types() -> list[OfferedStep]:
    return [
        OfferedStep(DATA_INPUT, data_input),
        OfferedStep(DATA_PROCESSING, data_processing),
        OfferedStep(DATA_MERGE, data_merge),
        OfferedStep(DATA_TRANSFORM, data_transform),
    ]


# --- data_input


def data_input(request: StepRequest) -> Json:
    input_type = _text(request.config, "input_type", "static")
    match input_type:
        case "static":
            return _brought_in(request, input_type, request.config.get("data", {}))
        case "dynamic":
            source = request.config.get("source")
            return {**_brought_in(request, input_type, _from_input(request.input, source)), "source": source}
        case _:
            raise InvalidConfig(f"Unknown input_type: {input_type}")


def _brought_in(request: StepRequest, input_type: str, data: Json) -> JsonObject:
    return {"data": data, "input_type": input_type, "timestamp": iso(request.now), "success": True}


def _from_input(given: JsonObject, source: Json) -> Json:
    if source is None:
        return given
    if not isinstance(source, str) or source not in given:
        known = ", ".join(list(given)[:20]) or "nothing"
        raise StepFailure("mapping-error", f"The input has no key '{source}'; it has: {known}", retryable=False)
    return given[source]


# --- data_processing


def data_processing(request: StepRequest) -> Json:
    processing_type = _text(request.config, "processing_type", "passthrough")
    process = _PROCESSINGS.get(processing_type)
    if process is None:
        raise InvalidConfig(f"Unknown processing_type: {processing_type}")
    result = _with_metadata(process(request.input, request.config), _options(request.config).get("metadata"))
    return {
        "result": result,
        "processing_type": processing_type,
        "processed_at": iso(request.now),
        "success": True,
    }


def _options(config: _Config) -> JsonObject:
    options = config.get("options")
    return options if isinstance(options, dict) else {}


def _with_metadata(result: Json, metadata: Json) -> Json:
    if not metadata or not isinstance(metadata, dict):
        return result
    if not isinstance(result, dict):
        raise InvalidConfig("options.metadata can only be merged into a result that is an object")
    return {**result, **metadata}


def _unchanged(given: JsonObject, config: _Config) -> Json:
    return given


def _uppercase(given: JsonObject, config: _Config) -> Json:
    return _each_string(given, str.upper)


def _lowercase(given: JsonObject, config: _Config) -> Json:
    return _each_string(given, str.lower)


def _each_string(value: Json, change: Callable[[str], str]) -> Json:
    """A copy with every string value changed, keys untouched. Not recursive: data may nest deeper than the stack."""
    top: list[Json] = [value]
    open_containers: list[JsonObject | list[Json]] = [top]
    while open_containers:
        container = open_containers.pop()
        places = list(container.items()) if isinstance(container, dict) else list(enumerate(container))
        for place, held in places:
            changed: Json = held
            if isinstance(held, str):
                changed = change(held)
            elif isinstance(held, dict | list):
                changed = held.copy()
                open_containers.append(changed)
            container[place] = changed  # type: ignore[index] # a key of the container it came from
    return top[0]


def _transform(given: JsonObject, config: _Config) -> Json:
    transformation = _options(config).get("transformation", config.get("transformation", "identity"))
    transform = _TRANSFORMATIONS.get(transformation) if isinstance(transformation, str) else None
    if transform is None:
        raise InvalidConfig(f"Unknown transformation: {transformation}")
    return transform(given, config)


def _word_count(given: JsonObject, config: _Config) -> Json:
    text = _text_of(given)
    return {
        "word_count": len(text.split()),
        "character_count": len(text),
        "text_length": len(text),
        "original_data": given,
    }


def _sentiment(given: JsonObject, config: _Config) -> Json:
    text = _text_of(given).lower()
    positive = sum(word in text for word in POSITIVE_WORDS)
    negative = sum(word in text for word in NEGATIVE_WORDS)
    sentiment, score = "neutral", 0.0
    if positive > negative:
        sentiment, score = "positive", 0.7
    elif negative > positive:
        sentiment, score = "negative", -0.7
    return {
        "sentiment": sentiment,
        "score": score,
        "positive_indicators": positive,
        "negative_indicators": negative,
        "original_data": given,
    }


def _text_of(given: JsonObject) -> str:
    for key in ("text", "content", "data"):
        if isinstance(text := given.get(key), str):
            return text
    return ""


def _count(given: JsonObject, config: _Config) -> Json:
    subject = _subject(given)
    if isinstance(subject, str):
        return {"count": len(subject), "word_count": len(subject.split())}
    if isinstance(subject, dict | list):
        return {"count": len(subject)}
    raise StepFailure("contract-violation", "count needs an object, a list or a string in 'data'", retryable=False)


def _filter(given: JsonObject, config: _Config) -> Json:
    options = _options(config)
    key = options.get("filter_key")
    if not isinstance(key, str):
        raise InvalidConfig("processing_type filter requires 'options.filter_key'")
    subject = given if key in given else _subject(given)
    if isinstance(subject, list):
        wanted = options.get("filter_value")
        return [item for item in subject if isinstance(item, dict) and key in item and same_json(item[key], wanted)]
    if isinstance(subject, dict):
        return {key: subject[key]} if key in subject else {}
    raise StepFailure("contract-violation", "filter needs an object or a list in 'data'", retryable=False)


def _subject(given: JsonObject) -> Json:
    """What is counted or filtered: `data`, else an only list or string under whatever name, else the whole input."""
    if "data" in given:
        return given["data"]
    only = next(iter(given.values())) if len(given) == 1 else None
    return only if isinstance(only, list | str) else given


def _expression(given: JsonObject, config: _Config) -> Json:
    if "expression" not in config:
        raise InvalidConfig("processing_type expression requires 'expression'")
    return config["expression"]


_Processing: TypeAlias = Callable[[JsonObject, _Config], Json]

_TRANSFORMATIONS: Final[dict[str, _Processing]] = {
    "identity": _unchanged,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
}
_PROCESSINGS: Final[dict[str, _Processing]] = {
    "passthrough": _unchanged,
    "identity": _unchanged,
    "uppercase": _uppercase,
    "lowercase": _lowercase,
    "word_count": _word_count,
    "sentiment_analysis": _sentiment,
    "transform": _transform,
    "count": _count,
    "filter": _filter,
    "expression": _expression,
}


# --- data_merge


def data_merge(request: StepRequest) -> Json:
    strategy = _text(request.config, "merge_strategy", "combine")
    merge = _MERGES.get(strategy)
    if merge is None:
        raise InvalidConfig(f"Unknown merge_strategy: {strategy}")
    result: JsonObject = {**merge(request.input, request.config), "merge_strategy": strategy}
    return {"result": result, "merged_at": iso(request.now), "success": True}


def _combine(given: JsonObject, config: _Config) -> JsonObject:
    keys = config.get("keys")
    wanted = keys if isinstance(keys, list) else list(given)
    merged = {key: value for key, value in given.items() if key in wanted}
    return {"merged_data": merged, "keys_merged": list(merged), "total_keys": len(merged)}


def _concatenate(given: JsonObject, config: _Config) -> JsonObject:
    texts = {key: value for key, value in given.items() if isinstance(value, str)}
    return {"concatenated_text": " ".join(texts.values()), "source_keys": list(texts)}


def _sum(given: JsonObject, config: _Config) -> JsonObject:
    numbers = {key: value for key, value in given.items() if _is_number(value)}
    total = sum(value for value in numbers.values() if isinstance(value, int | float))
    if not INT64_MIN <= total <= INT64_MAX and (isinstance(total, int) or total in (float("inf"), float("-inf"))):
        raise StepFailure("number-out-of-range", "The sum is outside the range of JSON numbers here", retryable=False)
    return {"sum": total, "numeric_keys": list(numbers), "count": len(numbers)}


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(given: JsonObject, config: _Config) -> JsonObject:
    return {"merged_data": list(given.values())}


_Merge: TypeAlias = Callable[[JsonObject, _Config], JsonObject]

_MERGES: Final[dict[str, _Merge]] = {"combine": _combine, "concatenate": _concatenate, "sum": _sum, "list": _list}


# --- data_transform


def data_transform(request: StepRequest) -> Json:
    ways = [way for way in ("template", "expression") if way in request.config]
    if len(ways) != 1:
        raise InvalidConfig("data_transform requires either 'template' or 'expression'")
    return {"result": request.config[ways[0]], "transformed_at": iso(request.now), "success": True}


def _text(config: _Config, key: str, default: str) -> str:
    value = config.get(key, default)
    return value if isinstance(value, str) else str(value)


# --- contracts

DATA_INPUT: Final = StepType(
    "data_input",
    title="Data input",
    description="Brings data into a workflow: written in the document, or taken from the input of the execution.",
    config_schema=closed_object(
        input_type={"type": "string", "default": "static", "description": "static or dynamic"},
        data={"description": "static: the data itself, {} when absent.", "default": {}},
        source={"type": ["string", "null"], "description": "dynamic: a key of the input; absent = all of it."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["data", "input_type", "timestamp", "success"],
        data=ANYTHING,
        input_type={"type": "string"},
        source={"type": ["string", "null"]},
        timestamp=INSTANT,
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    default_input=DefaultInput.EXECUTION,
    error_codes=(ErrorCode("mapping-error", False, "The input has no such key."),),
    tags=("data",),
    examples=({"config": {"input_type": "static", "data": {"message": "Hello, World!"}}, "input": {}},),
    documentation=(
        "`static` answers `data` as it stands in the document (templates in it are expanded). `dynamic` answers the "
        "value under `source` in the input of the execution, or in the step's own `input_mapping` when it has one; a "
        "key that is not there fails the step."
    ),
)

DATA_PROCESSING: Final = StepType(
    "data_processing",
    title="Data processing",
    description="Changes, counts, filters or judges its input.",
    config_schema=closed_object(
        processing_type={"type": "string", "default": "passthrough", "description": ", ".join(_PROCESSINGS)},
        transformation={"type": "string", "description": ", ".join(_TRANSFORMATIONS)},
        expression={"format": "expression", "description": "For processing_type expression: its value is the result."},
        options=closed_object(
            transformation={"type": "string", "description": ", ".join(_TRANSFORMATIONS)},
            filter_key={"type": "string"},
            filter_value={"description": "Items of a list are kept when their filter_key equals it."},
            metadata={"type": "object", "description": "Merged into the result."},
        ),
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["result", "processing_type", "processed_at", "success"],
        result=ANYTHING,
        processing_type={"type": "string"},
        processed_at=INSTANT,
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    error_codes=(ErrorCode("contract-violation", False, "The input cannot be counted or filtered."),),
    tags=("data",),
    examples=({"config": {"processing_type": "uppercase"}, "input": {"input": {"message": "Hello, World!"}}},),
    documentation=(
        "`passthrough` and `identity` answer the input; `uppercase` and `lowercase` change every string value at any "
        "depth; `word_count` and `sentiment_analysis` read the first string among `text`, `content` and `data`; "
        "`transform` applies `options.transformation`; `count` and `filter` work on `data`, else on an only list (or "
        "string, for count) under any name, else on the whole input; `expression` answers the value of `expression`."
    ),
)

DATA_MERGE: Final = StepType(
    "data_merge",
    title="Data merge",
    description="Merges several inputs into one.",
    config_schema=closed_object(
        merge_strategy={"type": "string", "default": "combine", "description": ", ".join(_MERGES)},
        keys={"type": "array", "items": {"type": "string"}, "description": "combine: only these; all when absent."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["result", "merged_at", "success"],
        result=open_object(["merge_strategy"], merge_strategy={"type": "string"}),
        merged_at=INSTANT,
        success=ALWAYS_TRUE,
    ),
    effect=Effect.PURE,
    inline=True,
    default_input=DefaultInput.DEPENDENCIES,
    error_codes=(ErrorCode("number-out-of-range", False, "The sum does not fit."),),
    tags=("data",),
    examples=({"config": {"merge_strategy": "combine"}, "input": {"words": {"count": 4}, "mood": "neutral"}},),
    documentation=(
        "`combine` answers the input as one object; `concatenate` joins its strings by one space, in mapping order; "
        "`sum` adds its numbers (booleans are none); `list` answers its values. Without an `input_mapping` it merges "
        "the outputs of its completed dependencies."
    ),
)

DATA_TRANSFORM: Final = StepType(
    "data_transform",
    title="Data transform",
    description="Builds a value from a template or an expression.",
    config_schema=closed_object(
        template={"description": "Any JSON; every ${...} in it is replaced by its value."},
        expression={"format": "expression", "description": "One CEL expression; its value is the result."},
    ),
    input_schema={"type": "object"},
    output_schema=open_object(
        ["result", "transformed_at", "success"], result=ANYTHING, transformed_at=INSTANT, success=ALWAYS_TRUE
    ),
    effect=Effect.PURE,
    inline=True,
    tags=("data",),
    examples=({"config": {"template": {"greeting": "Hello, Ada", "n": 3}}, "input": {}},),
    documentation="Exactly one of `template` and `expression`. Both see what every expression of a document sees.",
)
