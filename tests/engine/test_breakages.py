"""What a new version of a step type breaks: exactly the workflows and executions that would notice."""

from collections.abc import AsyncIterator

import pytest

from tests.runtime.engines import until
from workflow_engine.assembly import Engine
from workflow_engine.engine.caller import LOCAL
from workflow_engine.engine.steps import RegisteredAll
from workflow_engine.jsontext import Json, JsonObject
from workflow_engine.settings import Settings


def contract(**changes: Json) -> JsonObject:
    """Counts the words of a text."""
    return {
        "step_type": "text.count",
        "name": "Count",
        "execution_type": "grpc",
        "input_schema": {"type": "object", "properties": {"text": {"type": ["string", "null"]}, "lang": {}}},
        "parameters_schema": {"type": "object", "properties": {"mode": {"enum": ["words", "lines"]}}},
        "output_schema": {
            "type": "object",
            "properties": {
                "words": {"type": "integer"},
                "longest": {"type": "string"},
                "parts": {"type": "array", "items": {"type": "string"}},
            },
            "required": ["words"],
            "additionalProperties": False,
        },
        **changes,
    }


def output(**properties: Json) -> JsonObject:
    """An output schema with other properties."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


def counting(step_type: str = "text.count", **fields: Json) -> JsonObject:
    step: JsonObject = {"step_id": "count", "step_type": step_type, "input_mapping": {"text": "input.text"}}
    return {"name": "counting", "steps": [{**step, **fields}]}


def reading(mapping: Json, step_type: str = "text.count") -> JsonObject:
    document = counting(step_type)
    show: JsonObject = {"step_id": "show", "step_type": "data_merge", "input_mapping": {"shown": mapping}}
    return {**document, "steps": [*document["steps"], {**show, "dependencies": ["count"]}]}  # type: ignore[misc]  # a list


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine.open("memory://") as opened:
        await opened.steps.register(LOCAL, contract())
        yield opened


async def dry(engine: Engine, **changes: Json) -> RegisteredAll:
    return await engine.steps.register_all(LOCAL, [contract(**changes)], dry_run=True)


async def broken(engine: Engine, **changes: Json) -> dict[str, list[tuple[str, str]]]:
    """By workflow or execution: the pointer and code of each problem."""
    answer = await dry(engine, **changes)
    return {
        each.workflow_id or each.execution_id or "": [(found.pointer, found.code) for found in each.problems]
        for each in answer.breaks
    }


WITHOUT_LONGEST = output(words={"type": "integer"}, parts={"type": "array", "items": {"type": "string"}})


async def test_only_those_that_read_what_is_removed_are_broken(engine: Engine) -> None:
    await engine.workflows.save(LOCAL, reading("count.longest"), "reads-it")
    await engine.workflows.save(LOCAL, reading("count.longest", "text.count@1"), "pinned-to-the-old-major")
    await engine.workflows.save(LOCAL, reading("count.longest", "text.count@>=1"), "any-newer")
    await engine.workflows.save(LOCAL, reading("count.words"), "reads-another-part")
    await engine.workflows.save(LOCAL, reading("count"), "reads-everything")
    await engine.workflows.save(LOCAL, reading("${steps.count.output.?longest.orValue('')}"), "can-do-without")
    await engine.workflows.save(LOCAL, {"name": "n", "steps": [{"step_id": "a", "step_type": "data_input"}]}, "other")
    found = await broken(engine, output_schema=WITHOUT_LONGEST)
    place = "/steps/1/input_mapping/shown"
    assert found == {
        "reads-it": [(place, "unknown-output")],
        "any-newer": [(place, "unknown-output")],
        "reads-everything": [(place, "output-changed")],
    }


async def test_a_place_that_becomes_something_else_breaks_its_readers_wherever_they_read_it(engine: Engine) -> None:
    changed = output(
        words={"type": "string"}, longest={"type": "string"}, parts={"type": "array", "items": {"type": "string"}}
    )
    await engine.workflows.save(LOCAL, reading("count.parts"), "other-part")
    await engine.workflows.save(LOCAL, reading("${steps.count.output.words + 1}"), "in-an-expression")
    guarded = reading("count.parts")
    guarded["steps"][1]["conditions"] = "count.words > 3"  # type: ignore[index,call-overload]  # a list of objects
    await engine.workflows.save(LOCAL, guarded, "in-a-condition")
    await engine.workflows.save(LOCAL, {**counting(), "output": {"n": "${steps.count.output.words}"}}, "in-the-output")
    assert await broken(engine, output_schema=changed) == {
        "in-an-expression": [("/steps/1/input_mapping/shown", "output-changed")],
        "in-a-condition": [("/steps/1/conditions", "output-changed")],
        "in-the-output": [("/output/n", "output-changed")],
    }


async def test_a_new_demand_breaks_those_that_do_not_meet_it_for_certain(engine: Engine) -> None:
    demanding: JsonObject = {
        "type": "object",
        "properties": {"text": {"type": "string"}, "lang": {"type": "string"}},
        "required": ["text", "lang"],
    }
    both: JsonObject = {"text": "${'a' + 'b'}", "lang": "input.lang"}
    await engine.workflows.save(LOCAL, counting(input_mapping={"text": "input.text"}), "lacks-it")
    await engine.workflows.save(LOCAL, counting(input_mapping=both), "unknown")
    known = counting(input_mapping={"text": "${'a' + 'b'}"}, input_data={"lang": "en"})
    await engine.workflows.save(LOCAL, known, "meets-it")
    typed: JsonObject = {**counting(input_mapping=both), "input_schema": {"properties": {"lang": {"type": "string"}}}}
    await engine.workflows.save(LOCAL, typed, "is-known-to-meet-it")
    await engine.workflows.save(LOCAL, counting(input_mapping={**both, "lang": "${size('x')}"}), "never-meets-it")
    assert await broken(engine, input_schema=demanding) == {
        "lacks-it": [
            ("/steps/0/input_mapping/lang", "missing-field"),
            ("/steps/0/input_mapping/text", "input-not-known"),
        ],
        "unknown": [("/steps/0/input_mapping/lang", "input-not-known")],
        "never-meets-it": [("/steps/0/input_mapping/lang", "type-mismatch")],
    }


async def test_a_literal_setting_that_is_not_listed_any_more_breaks_its_workflow(engine: Engine) -> None:
    await engine.workflows.save(LOCAL, counting(config={"mode": "lines"}), "uses-lines")
    await engine.workflows.save(LOCAL, counting(config={"mode": "words"}), "uses-words")
    await engine.workflows.save(LOCAL, counting(config={"mode": "${input.mode}"}), "who-knows")
    schema: JsonObject = {"type": "object", "properties": {"mode": {"enum": ["words"]}}}
    assert await broken(engine, parameters_schema=schema) == {
        "uses-lines": [("/steps/0/config/mode", "unknown-value")],
        "who-knows": [("/steps/0/config/mode", "input-not-known")],
    }


async def test_a_compatible_version_breaks_nobody(engine: Engine) -> None:
    await engine.workflows.save(LOCAL, reading("count"), "reads-everything")
    answer = await dry(engine, description="says more")
    assert (answer.steps[0].version, answer.steps[0].changed, answer.breaks) == ("1.1.0", True, ())


async def test_open_executions_that_still_need_the_old_version_are_listed(engine: Engine) -> None:
    waiting = (await engine.executions.start(LOCAL, counting(input_mapping=None))).execution_id
    pinned = (await engine.executions.start(LOCAL, counting("text.count@1", input_mapping=None))).execution_id
    done: JsonObject = {
        "name": "n",
        "steps": [{"step_id": "a", "step_type": "data_input", "config": {"input_type": "static"}}],
    }
    await engine.executions.start(LOCAL, done)
    skipped = counting(conditions=False)
    ended = (await engine.executions.start(LOCAL, skipped)).execution_id
    await engine.executions.wait(LOCAL, ended, 10)
    place = ("/steps/0/step_type", "pinned-contract-broken")
    assert await broken(engine, output_schema=WITHOUT_LONGEST) == {waiting: [place], pinned: [place]}


async def test_an_execution_whose_step_has_ended_does_not_need_it_any_more(engine: Engine) -> None:
    document: JsonObject = {
        "name": "n",
        "steps": [
            {"step_id": "count", "step_type": "text.count", "conditions": False},
            {"step_id": "late", "step_type": "delay", "config": {"delay_seconds": 60}},
        ],
    }
    accepted = await engine.executions.start(LOCAL, document)
    async for event in engine.executions.watch(LOCAL, accepted.execution_id):
        if event.kind == "step_waiting":
            break
    assert await broken(engine, output_schema=WITHOUT_LONGEST) == {}


async def test_an_execution_at_rest_is_found_without_bringing_it_into_memory() -> None:
    settings = Settings.model_validate({"runtime": {"idle_after_seconds": 0.001}})
    document: JsonObject = {
        "name": "n",
        "steps": [
            {"step_id": "late", "step_type": "delay", "config": {"delay_seconds": 600}},
            {"step_id": "count", "step_type": "text.count"},
        ],
    }
    async with Engine.open("memory://", settings=settings) as engine:
        await engine.steps.register(LOCAL, contract())
        accepted = await engine.executions.start(LOCAL, document)
        await until(lambda: engine.vitals.pulse().in_memory == 0)
        assert list(await broken(engine, output_schema=WITHOUT_LONGEST)) == [accepted.execution_id]
        assert engine.vitals.pulse().in_memory == 0


async def test_a_real_registration_that_breaks_lists_it_too_and_a_dry_one_keeps_nothing(engine: Engine) -> None:
    await engine.workflows.save(LOCAL, reading("count.longest"), "reads-it")
    tried = await dry(engine, output_schema=WITHOUT_LONGEST)
    assert tried.steps[0].version == "2.0.0"
    assert [each.type.version for each in engine.steps.versions(LOCAL, "text.count")] == ["1.0.0"]
    real = await engine.steps.register_all(LOCAL, [contract(output_schema=WITHOUT_LONGEST)])
    assert real.breaks == tried.breaks
    assert real.breaks[0].step_type == "text.count@2.0.0"
    assert engine.steps.get(LOCAL, "text.count").type.version == "2.0.0"
    assert engine.steps.get(LOCAL, "text.count", "1.0.0").type.version == "1.0.0"


async def test_beyond_the_limit_the_answer_says_that_it_is_not_complete() -> None:
    settings = Settings.model_validate({"limits": {"max_examined": 2}})
    async with Engine.open("memory://", settings=settings) as engine:
        await engine.steps.register(LOCAL, contract())
        for n in range(2):
            await engine.workflows.save(LOCAL, reading("count.longest"), f"w{n}")
        assert not (await dry(engine, output_schema=WITHOUT_LONGEST)).truncated
        await engine.workflows.save(LOCAL, reading("count.longest"), "w2")
        answer = await dry(engine, output_schema=WITHOUT_LONGEST)
        assert (len(answer.breaks), answer.truncated) == (2, True)
