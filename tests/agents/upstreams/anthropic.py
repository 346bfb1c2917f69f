"""Anthropic Messages: `POST .../v1/messages`."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.agents.upstreams.asked import Asked, Request, Said, ToolResult, text_of
from tests.agents.upstreams.reply import Document, Finish, Reply, ToolCall
from tests.agents.upstreams.wire import Answer

STOP_REASONS: Final[dict[Finish, str]] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
ERROR_TYPES: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


@dataclass(frozen=True, slots=True)
class Anthropic:
    keys: Collection[str] | None = None
    """None: any key will do, but there must be one."""
    name: str = "anthropic"
    stream_type: str = "text/event-stream; charset=utf-8"

    def reads(self, request: Request) -> Asked | None:
        if not request.path.endswith("/v1/messages"):
            return None
        document = request.document()
        choice = document.get("tool_choice") or {}
        return Asked(
            request,
            self.name,
            document["model"],
            request.headers.get("x-api-key") or request.bearer,
            bool(document.get("stream")),
            document,
            text_of(document.get("system")),
            tuple(_said(each) for each in document["messages"]),
            tuple(tool["name"] for tool in document.get("tools") or ()),
            choice.get("name") if choice.get("type") == "tool" else None,
        )

    def objection(self, asked: Asked) -> Answer | None:
        if "anthropic-version" not in asked.request.headers:
            return self.refusal(400, "anthropic-version: header is required")
        if asked.key and (self.keys is None or asked.key in self.keys):
            return None
        return self.refusal(401, "invalid x-api-key")

    def refusal(self, status: int, message: str) -> Answer:
        error = {"type": ERROR_TYPES.get(status, "api_error"), "message": message}
        return Answer(status, json.dumps({"type": "error", "error": error, "request_id": "req_1"}).encode())

    def answer(self, reply: Reply, asked: Asked, number: int) -> bytes:
        blocks: list[Document] = [{"type": "text", "text": reply.text}] if reply.text else []
        blocks += [_tool_use(call, number, place) for place, call in enumerate(reply.tool_calls)]
        usage = {"input_tokens": reply.usage.input, "output_tokens": reply.usage.output}
        ended = {"content": blocks, "stop_reason": STOP_REASONS[reply.finish_reason], "usage": usage}
        return json.dumps(_head(asked, number) | ended).encode()

    def events(self, reply: Reply, asked: Asked, number: int) -> Sequence[bytes]:
        return [
            f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in _events(reply, asked, number)
        ]


def _events(reply: Reply, asked: Asked, number: int) -> Iterator[Document]:
    usage = {"input_tokens": reply.usage.input, "output_tokens": 1}
    yield {"type": "message_start", "message": _head(asked, number) | {"usage": usage}}
    index = 0
    if reply.text:
        yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        yield {"type": "ping"}
        yield from (_delta(0, {"type": "text_delta", "text": word}) for word in reply.words)
        yield {"type": "content_block_stop", "index": 0}
        index = 1
    for place, call in enumerate(reply.tool_calls):
        begun = _tool_use(call, number, place) | {"input": {}}
        yield {"type": "content_block_start", "index": index + place, "content_block": begun}
        half = len(call.text) // 2
        for piece in (call.text[:half], call.text[half:]):
            yield _delta(index + place, {"type": "input_json_delta", "partial_json": piece})
        yield {"type": "content_block_stop", "index": index + place}
    ended = {"stop_reason": STOP_REASONS[reply.finish_reason], "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": reply.usage.output}}
    yield {"type": "message_stop"}


def _delta(index: int, delta: Document) -> Document:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def _head(asked: Asked, number: int) -> Document:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _tool_use(call: ToolCall, number: int, place: int) -> Document:
    return {"type": "tool_use", "id": call.id or f"toolu_{number}_{place}", "name": call.name, "input": call.object}


def _said(message: Document) -> Said:
    content = message["content"]
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    return Said(
        message["role"],
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        tuple(ToolCall(each["name"], each["input"], each["id"]) for each in blocks if each["type"] == "tool_use"),
        tuple(
            ToolResult(each["tool_use_id"], text_of(each.get("content")))
            for each in blocks
            if each["type"] == "tool_result"
        ),
    )
