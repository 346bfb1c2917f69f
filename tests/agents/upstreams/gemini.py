"""Gemini: `POST .../models/<model>:generateContent`, and `:streamGenerateContent?alt=sse`."""

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tests.agents.upstreams.asked import Asked, Request, Said, ToolResult, text_of
from tests.agents.upstreams.reply import Document, Finish, Reply, ToolCall
from tests.agents.upstreams.wire import Answer

PATH: Final = re.compile(r"/models/(?P<model>[^/:]+):(?P<verb>generateContent|streamGenerateContent)$")
FINISH_REASONS: Final[dict[Finish, str]] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
}
STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
INVALID_KEY: Final = "API key not valid. Please pass a valid API key."
"""Comes with 400, not with 401."""


@dataclass(frozen=True, slots=True)
class Gemini:
    keys: Collection[str] | None = None
    """None: any key will do, but there must be one."""
    name: str = "gemini"
    stream_type: str = "text/event-stream"

    def reads(self, request: Request) -> Asked | None:
        found = PATH.search(request.path)
        if found is None:
            return None
        document = request.document()
        system = document.get("systemInstruction") or document.get("system_instruction") or {}
        return Asked(
            request,
            self.name,
            found["model"],
            request.headers.get("x-goog-api-key", ""),
            found["verb"] == "streamGenerateContent",
            document,
            text_of(system.get("parts")),
            tuple(_said(each) for each in document["contents"]),
            tuple(_offered(document)),
        )

    def objection(self, asked: Asked) -> Answer | None:
        if asked.key and (self.keys is None or asked.key in self.keys):
            return None
        return self.refusal(400, INVALID_KEY)

    def refusal(self, status: int, message: str) -> Answer:
        error: Document = {"code": status, "message": message, "status": STATUSES.get(status, "INTERNAL")}
        if message == INVALID_KEY:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
            error["details"] = [info | {"domain": "googleapis.com"}]
        return Answer(status, json.dumps({"error": error}).encode())

    def answer(self, reply: Reply, asked: Asked, number: int) -> bytes:
        parts = [*({"text": text} for text in (reply.text,) if text), *_function_calls(reply, number)]
        return json.dumps(_candidate(reply, asked, number, parts, FINISH_REASONS[reply.finish_reason])).encode()

    def events(self, reply: Reply, asked: Asked, number: int) -> Sequence[bytes]:
        return [f"data: {json.dumps(each)}\r\n\r\n".encode() for each in _chunks(reply, asked, number)]


def _chunks(reply: Reply, asked: Asked, number: int) -> Iterator[Document]:
    parts = [*({"text": word} for word in reply.words), *_function_calls(reply, number)]
    yield from (_candidate(reply, asked, number, [part]) for part in parts)
    yield _candidate(reply, asked, number, [{"text": ""}], FINISH_REASONS[reply.finish_reason])


def _candidate(reply: Reply, asked: Asked, number: int, parts: list[Document], finish: str | None = None) -> Document:
    candidate: Document = {"content": {"parts": parts, "role": "model"}, "index": 0}
    usage = reply.usage
    return {
        "candidates": [candidate | ({"finishReason": finish} if finish else {})],
        "usageMetadata": {
            "promptTokenCount": usage.input,
            "candidatesTokenCount": usage.output,
            "totalTokenCount": usage.input + usage.output,
        },
        "modelVersion": asked.model,
        "responseId": f"response-{number}",
    }


def _function_calls(reply: Reply, number: int) -> Iterator[Document]:
    for place, call in enumerate(reply.tool_calls):
        made = {"id": call.id or f"function-{number}-{place}", "name": call.name, "args": call.object}
        yield {"functionCall": made}


def _offered(document: Document) -> Iterator[str]:
    for tool in document.get("tools") or ():
        declared = tool.get("functionDeclarations") or tool.get("function_declarations") or ()
        yield from (function["name"] for function in declared)


def _said(content: Document) -> Said:
    parts = content["parts"]
    made = (each for part in parts if (each := part.get("functionCall") or part.get("function_call")))
    results = (each for part in parts if (each := part.get("functionResponse") or part.get("function_response")))
    return Said(
        "assistant" if content.get("role") == "model" else "user",
        text_of(parts),
        tuple(ToolCall(each["name"], each.get("args") or {}, each.get("id", "")) for each in made),
        tuple(ToolResult(each.get("id", ""), json.dumps(each.get("response"))) for each in results),
    )
