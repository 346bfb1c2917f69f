"""A plugin: one step type, offered to every workflow of the server that loads it."""

import re
from collections.abc import Sequence

from workflow_engine.jsontext import Json
from workflow_engine.steps.authoring import closed_object, open_object
from workflow_engine.steps.contract import Effect, ErrorCode, OfferedStep, StepFailure, StepRequest, StepType

SLUG = StepType(
    "text.slug",
    title="Slug",
    description="Makes a text fit for a URL.",
    config_schema=closed_object(separator={"type": "string", "default": "-", "maxLength": 1}),
    input_schema=open_object(["text"], text={"type": "string"}),
    output_schema=open_object(["slug"], slug={"type": "string", "minLength": 1}),
    effect=Effect.PURE,
    error_codes=(ErrorCode("no-words", retryable=False, description="The text has no letter and no digit."),),
    inline=True,
    tags=("text",),
    examples=({"config": {}, "input": {"text": "Hello, World!"}},),
)


def slug(request: StepRequest) -> Json:
    separator = str(request.config.get("separator", "-"))
    words = re.findall(r"[a-z0-9]+", str(request.input["text"]).lower())
    if not words:
        raise StepFailure("no-words", "The text has no letter and no digit to make a slug of")
    return {"slug": separator.join(words)}


def workflow_engine_step_types() -> Sequence[OfferedStep]:
    return [OfferedStep(SLUG, slug)]
