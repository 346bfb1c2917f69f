"""OpenAI chat completions, also what most on-premises servers speak: `POST .../chat/completions`."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.agents.upstreams.asked import Asked, Request, Said, ToolResult, text_of
from tests.agents.upstreams.reply import Document, Reply, ToolCall
from tests.agents.upstreams.wire import Answer

CREATED: Final = 1_790_000_000
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


@dataclass(frozen=True, slots=True)
class OpenAI:
    keys: Collection[str] | None = None
    """None: any key, or none at all, will do."""
    name: str = "openai"
    stream_type: str = "text/event-stream"

    def reads(self, request: Request) -> Asked | None:
        if not request.path.endswith("/chat/completions"):
            return None
        document = request.document()
        messages = document["messages"]
        choice = document.get("tool_choice")
        return Asked(
            request,
            self.name,
            document["model"],
            request.bearer,
            bool(document.get("stream")),
            document,
            "".join(text_of(each["content"]) for each in messages if each["role"] in ("system", "developer")),
            tuple(_said(each) for each in messages if each["role"] in ("user", "assistant", "tool")),
            tuple(tool["function"]["name"] for tool in document.get("tools") or ()),
            choice["function"]["name"] if isinstance(choice, dict) else None,
        )

    def objection(self, asked: Asked) -> Answer | None:
        if self.keys is None or asked.key in self.keys:
            return None
        return self.refusal(401, f"Incorrect API key provided: {asked.key}.", code="invalid_api_key")

    def refusal(self, status: int, message: str, code: str | None = None) -> Answer:
        kind = ERROR_TYPES.get(status, "server_error")
        error = {"message": message, "type": kind, "param": None, "code": code}
        return Answer(status, json.dumps({"error": error}).encode())

    def answer(self, reply: Reply, asked: Asked, number: int) -> bytes:
        message: Document = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.tool_calls:
            message["tool_calls"] = [_written(call, number, place) for place, call in enumerate(reply.tool_calls)]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reply.finish_reason}
        head = _head("chat.completion", asked, number)
        return json.dumps(head | {"choices": [choice], "usage": _usage(reply)}).encode()

    def events(self, reply: Reply, asked: Asked, number: int) -> Sequence[bytes]:
        return [*(b"data: " + json.dumps(each).encode() + b"\n\n" for each in _chunks(reply, asked, number)), _DONE]


_DONE: Final = b"data: [DONE]\n\n"


def _chunks(reply: Reply, asked: Asked, number: int) -> Iterator[Document]:
    head = _head("chat.completion.chunk", asked, number)

    def chunk(delta: Document, finish: str | None = None) -> Document:
        return head | {"choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": None if reply.tool_calls and not reply.text else ""})
    yield from (chunk({"content": word}) for word in reply.words)
    for place, call in enumerate(reply.tool_calls):
        written = _written(call, number, place)
        begun = written | {"index": place, "function": {"name": call.name, "arguments": ""}}
        yield chunk({"tool_calls": [begun]})
        half = len(call.text) // 2
        for piece in (call.text[:half], call.text[half:]):
            yield chunk({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
    yield chunk({}, reply.finish_reason)
    if (asked.document.get("stream_options") or {}).get("include_usage"):
        yield head | {"choices": [], "usage": _usage(reply)}


def _head(kind: str, asked: Asked, number: int) -> Document:
    return {"id": f"chatcmpl-{number}", "object": kind, "created": CREATED, "model": asked.model}


def _written(call: ToolCall, number: int, place: int) -> Document:
    function = {"name": call.name, "arguments": call.text}
    return {"id": call.id or f"call_{number}_{place}", "type": "function", "function": function}


def _usage(reply: Reply) -> Document:
    usage = reply.usage
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
    }


def _said(message: Document) -> Said:
    text = text_of(message.get("content"))
    if message["role"] == "tool":
        return Said("user", "", tool_results=(ToolResult(message["tool_call_id"], text),))
    made = (
        ToolCall(call["function"]["name"], call["function"]["arguments"], call["id"])
        for call in message.get("tool_calls") or ()
    )
    return Said(message["role"], text, tuple(made))
