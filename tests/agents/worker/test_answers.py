"""The same answer, whole and in pieces."""

from types import SimpleNamespace as Made
from typing import Any

import pytest
from workflow_client import StepError

from workflow_engine.agents.worker.answers import Answer, Assembly, ToolCall, whole


def call(name: str | None, arguments: str | None, index: int = 0, call_id: str | None = None) -> Made:
    return Made(index=index, id=call_id, function=Made(name=name, arguments=arguments))


def piece(content: str | None = None, calls: Any = None, finish: str | None = None, usage: Any = None) -> Made:  # noqa: ANN401  # made up
    delta = Made(content=content, tool_calls=calls)
    return Made(choices=[Made(delta=delta, finish_reason=finish)], usage=usage)


def response(content: str | None, calls: Any = None, finish: str | None = "stop") -> Made:  # noqa: ANN401  # made up
    message = Made(content=content, tool_calls=calls)
    usage = Made(prompt_tokens=5, completion_tokens=2)
    return Made(choices=[Made(message=message, finish_reason=finish)], usage=usage, _hidden_params={"model_id": "1"})


def assembled(*pieces: Made) -> tuple[Answer, list[str]]:
    said: list[str] = []
    assembly = Assembly(said.append)
    for one in pieces:
        assembly.add(one)
    return assembly.answer(0), said


def test_text_in_pieces_is_said_as_it_comes_and_whole_in_the_end() -> None:
    usage = Made(prompt_tokens=5, completion_tokens=2)
    answer, said = assembled(
        piece("Hel"), piece("lo"), piece(finish="stop"), Made(choices=[], usage=usage), piece(finish=None)
    )
    assert said == ["Hel", "lo"]
    assert answer.message() == whole(response("Hello")).message() == {"role": "assistant", "content": "Hello"}
    assert answer.usage is not None
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (5, 2)


def test_tool_calls_in_pieces_come_together_by_their_index() -> None:
    answer, said = assembled(
        piece(calls=[call("add", "", 0, "c1")]),
        piece(calls=[call(None, '{"a"', 0), call("sub", "{", 1, "c2")]),
        piece(calls=[call(None, ": 1}", 0), call(None, "}", 1)]),
        piece(finish="stop"),
    )
    assert answer.tool_calls == (ToolCall("c1", "add", '{"a": 1}'), ToolCall("c2", "sub", "{}"))
    assert (answer.finish_reason, answer.content, said) == ("tool_calls", None, [])


def test_a_tool_call_without_an_id_gets_one() -> None:
    assert whole(response(None, [call("add", "{}")])).tool_calls == (ToolCall("call_0", "add", "{}"),)


@pytest.mark.parametrize(
    ("said", "reason"),
    [("stop", "stop"), ("length", "length"), ("content_filter", "content_filter"), ("weird", "other"), (None, "other")],
)
def test_reasons_are_of_one_vocabulary(said: str | None, reason: str) -> None:
    assert whole(response("x", finish=said)).finish_reason == reason


def test_the_router_says_which_model_answered() -> None:
    assert whole(response("x")).number == 1


def test_an_answer_without_tokens_has_no_usage() -> None:
    answer, _ = assembled(piece("x", usage=Made(prompt_tokens=0, completion_tokens=0)), piece(finish="stop"))
    assert answer.usage is None


@pytest.mark.parametrize("broken", [Made(choices=[]), Made(choices=None), Made(), response(None, [call(None, "{}")])])
def test_an_answer_that_holds_nothing_to_read_is_refused(broken: Made) -> None:
    with pytest.raises(StepError) as refused:
        whole(broken)
    assert refused.value.code == "provider-invalid-response"


def test_a_refusal_in_a_field_of_its_own_is_what_the_model_said() -> None:
    refusing = response(None)
    refusing.choices[0].message.refusal = "I would rather not."
    assert whole(refusing).content == "I would rather not."
    torn = [piece() for _ in range(2)]
    for one, part in zip(torn, ("I would ", "rather not."), strict=True):
        one.choices[0].delta.provider_specific_fields = {"refusal": part}
    answer, said = assembled(*torn)
    assert (answer.content, said) == ("I would rather not.", ["I would ", "rather not."])


@pytest.mark.parametrize(("text", "withheld"), [(None, True), ("Half of it", False)])
def test_what_a_filter_left_nothing_of_is_withheld(text: str | None, withheld: bool) -> None:
    assert whole(response(text, finish="content_filter")).is_withheld is withheld
