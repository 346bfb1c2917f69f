"""The step `agents.model_call`: one call of a model or, when it fails, of its fallbacks."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workflow_client import StepContext, StepError

from workflow_engine.agents.redaction import Redaction
from workflow_engine.agents.worker.answers import Answer, Assembly, Usage, number_of, whole
from workflow_engine.agents.worker.asked import ModelCall, Price, model_call
from workflow_engine.agents.worker.budget import OVERHEAD, Left, capped
from workflow_engine.agents.worker.exchange import CURRENT, Exchange
from workflow_engine.agents.worker.failures import (
    AnswerWithheld,
    CallTimedOut,
    PriceUnknown,
    StreamDropped,
    ToolsNotTaken,
)
from workflow_engine.agents.worker.guard import Guard
from workflow_engine.agents.worker.library import Library
from workflow_engine.agents.worker.pieces import Pieces
from workflow_engine.agents.worker.preparing import Prepared, Preparing
from workflow_engine.agents.worker.routing import Routing
from workflow_engine.agents.worker.structured import by_own_means, in_words, response_format
from workflow_engine.agents.worker.verdicts import verdict

LONGEST_WAIT = 86_400.0
"""Seconds litellm may wait: the deadline of a call is ours, and one client serves calls of every deadline."""

MARKED = frozenset({"openai", "anthropic", "gemini"})
"""Providers whose streams of events say when they are over, in ways that the transport knows."""

Document = dict[str, Any]


class ModelCalls:
    """`serve` is the step's function."""

    def __init__(
        self, library: Library, preparing: Preparing, routing: Routing, guard: Guard, redaction: Redaction
    ) -> None:
        self._library = library
        self._preparing = preparing
        self._routing = routing
        self._guard = guard
        self._redaction = redaction

    async def serve(self, input: Document, ctx: StepContext) -> Document:  # noqa: A002  # the whole input, by its name
        call = model_call(input)
        prepared = self._preparing.models(call.models)
        exchange = Exchange(expects_end=call.stream and all(one.provider in MARKED for one in prepared))
        token = CURRENT.set(exchange)
        try:
            async with asyncio.timeout(call.timeout):
                answer = await self._guarded(call, prepared, ctx.chunk)
        except TimeoutError:
            raise CallTimedOut("The provider", call.timeout) from None
        except StepError:
            raise
        except Exception as failure:  # noqa: BLE001  # whatever litellm raises becomes the step's failure
            raise verdict(failure, exchange, self._redaction) from None
        finally:
            CURRENT.reset(token)
        if answer.is_withheld:
            raise AnswerWithheld(prepared[answer.number].model.name)
        return self._output(call, prepared[answer.number], answer)

    async def _guarded(self, call: ModelCall, prepared: Sequence[Prepared], chunk: Callable[[str], None]) -> Answer:
        """With an address that the agent names, nothing else than allowed ones is connected to."""
        if not any(one.named_base for one in prepared):
            return await self._asked(call, prepared, chunk)
        for one in prepared:
            if one.named_base:
                await self._guard.check(
                    "The address of `api_base`", one.named_base, with_key=one.model.credential is not None
                )
            elif one.trusted_base:
                await self._guard.trust(one.trusted_base)
        with self._guard.permit():
            return await self._asked(call, prepared, chunk)

    async def _asked(self, call: ModelCall, prepared: Sequence[Prepared], chunk: Callable[[str], None]) -> Answer:
        response = await self._routing.call(prepared, self._request(call, prepared))
        if not call.stream:
            return whole(response)
        pieces = Pieces(lambda text: chunk(str(self._redaction.strike(text))))
        assembly = Assembly(pieces.add)
        try:
            async for piece in response:
                assembly.add(piece)
        finally:
            pieces.flush()
        if len(prepared) == 1 and not (response.received_finish_reason or response.intermittent_finish_reason):
            raise StreamDropped  # where litellm says "stop", as if the model had; its Router's stream cannot tell
        return assembly.answer(number_of(response))

    # --- what is asked

    def _request(self, call: ModelCall, prepared: Sequence[Prepared]) -> Document:
        request: Document = {"messages": [_spoken(message) for message in call.messages]}
        if call.tools:
            request["tools"] = self._tools(call, prepared)
        if call.temperature is not None:
            request["temperature"] = call.temperature
        if (most := self._most_tokens(call, prepared)) is not None:
            request["max_tokens"] = most
        if call.response_schema is not None:
            self._ask_for_schema(request, call.response_schema, prepared)
        if call.stream:
            request |= {"stream": True, "stream_options": {"include_usage": True}}
        # A fallback must get its turn within the deadline.
        request["timeout"] = LONGEST_WAIT if len(prepared) == 1 else call.timeout / len(prepared)
        return request

    def _tools(self, call: ModelCall, prepared: Sequence[Prepared]) -> list[Document]:
        for one in prepared:
            if "tools" not in one.takes:
                raise ToolsNotTaken(one.model.name)
        return [{"type": "function", "function": dict(tool)} for tool in call.tools]

    def _ask_for_schema(self, request: Document, schema: Mapping[str, Any], prepared: Sequence[Prepared]) -> None:
        if by_own_means(prepared, schema, has_tools="tools" in request):
            request["response_format"] = response_format(schema)
        else:
            request["messages"] = in_words(request["messages"], schema)

    def _most_tokens(self, call: ModelCall, prepared: Sequence[Prepared]) -> int | None:
        left = Left(call.tokens_left, call.usd_left)
        if left.is_unlimited:
            return call.max_tokens
        text = call.text()
        prices = [_price(one) for one in prepared] if call.usd_left is not None else []
        return capped(call.max_tokens, left, prices, len(text.encode()) + OVERHEAD, lambda: self._count(text))

    def _count(self, text: str) -> int:
        return int(self._library.token_counter(model="gpt-4o", text=text))

    # --- what is answered

    def _output(self, call: ModelCall, answered: Prepared, answer: Answer) -> Document:
        usage = answer.usage or Usage(self._count(call.text()), self._count(answer.text()))
        return {
            "message": self._redaction.strike(answer.message()),
            "finish_reason": answer.finish_reason,
            "model": answered.model.name,
            "provider": answered.provider,
            "usage": {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens},
            "cost_usd": self._cost(answered, usage),
        }

    def _cost(self, answered: Prepared, usage: Usage) -> float | None:
        if answered.price is not None:
            return answered.price.of(usage.input_tokens, usage.output_tokens)
        if answered.listed_price is None:
            return None
        prompt, completion = self._library.cost_per_token(
            model=answered.spelling.removeprefix(f"{answered.provider}/"),
            custom_llm_provider=answered.provider,
            prompt_tokens=usage.input_tokens,
            completion_tokens=usage.output_tokens,
            usage_object=usage.raw,
        )
        return float(prompt) + float(completion)


def _price(prepared: Prepared) -> Price:
    price = prepared.price or prepared.listed_price
    if price is None:
        raise PriceUnknown(prepared.model.name)
    return price


def _spoken(message: Mapping[str, Any]) -> Document:
    """A message as OpenAI's format has it: the calls of an assistant say what kind they are."""
    if not message.get("tool_calls"):
        return dict(message)
    calls = [
        {"id": call["id"], "type": "function", "function": {"name": call["name"], "arguments": call["arguments"]}}
        for call in message["tool_calls"]
    ]
    return {**message, "tool_calls": calls}
