"""Bedrock Converse: `POST /model/<id>/converse` and `/converse-stream`, signed by SigV4 or with a bearer key."""

import json
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from tests.agents.upstreams.asked import Asked, Request, Said, ToolResult, text_of
from tests.agents.upstreams.event_stream import event
from tests.agents.upstreams.reply import Document, Finish, Reply, ToolCall
from tests.agents.upstreams.sigv4 import SignatureRefused, check_signature
from tests.agents.upstreams.wire import Answer

ACCESS_KEY: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
"""The pair of AWS's own documentation."""
PATH: Final = re.compile(r"^/model/(?P<model>[^/]+)/(?P<verb>converse|converse-stream)$")
STOP_REASONS: Final[dict[Finish, str]] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "guardrail_intervened",
}
EXCEPTIONS: Final = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    500: "InternalServerException",
    503: "ServiceUnavailableException",
}


@dataclass(frozen=True, slots=True)
class Bedrock:
    keys: Collection[str] = ()
    """Bearer keys that will do beside a signature."""
    secrets: Mapping[str, str] = field(default_factory=lambda: {ACCESS_KEY: SECRET_KEY})
    """Secret by access key."""
    now: Callable[[], float] = time.time
    name: str = "bedrock"
    stream_type: str = "application/vnd.amazon.eventstream"

    def reads(self, request: Request) -> Asked | None:
        found = PATH.match(request.path)
        if found is None:
            return None
        document = request.document()
        config = document.get("toolConfig") or {}
        choice = config.get("toolChoice") or {}
        return Asked(
            request,
            self.name,
            unquote(found["model"]),
            _presented(request),
            found["verb"] == "converse-stream",
            document,
            text_of(document.get("system")),
            tuple(_said(each) for each in document["messages"]),
            tuple(tool["toolSpec"]["name"] for tool in config.get("tools") or () if "toolSpec" in tool),
            choice["tool"]["name"] if "tool" in choice else None,
        )

    def objection(self, asked: Asked) -> Answer | None:
        if asked.request.headers.get("authorization", "").startswith("Bearer "):
            known = asked.key in self.keys
            return None if known else _refused(403, "AccessDeniedException", "Invalid API Key format or key.")
        try:
            check_signature(asked.request, self.secrets, self.now())
        except SignatureRefused as refused:
            return _refused(403, refused.exception, str(refused))
        return None

    def refusal(self, status: int, message: str) -> Answer:
        return _refused(status, EXCEPTIONS.get(status, "InternalServerException"), message)

    def answer(self, reply: Reply, asked: Asked, number: int) -> bytes:
        blocks: list[Document] = [{"text": reply.text}] if reply.text else []
        for place, call in enumerate(reply.tool_calls):
            blocks.append({"toolUse": _named(call, number, place) | {"input": call.object}})
        document = {
            "output": {"message": {"role": "assistant", "content": blocks}},
            "stopReason": STOP_REASONS[reply.finish_reason],
        }
        return json.dumps(document | _metadata(reply)).encode()

    def events(self, reply: Reply, asked: Asked, number: int) -> Sequence[bytes]:
        return [event(kind, json.dumps(payload).encode()) for kind, payload in _events(reply, number)]


def _events(reply: Reply, number: int) -> Iterator[tuple[str, Document]]:
    yield "messageStart", {"role": "assistant"}
    index = 0
    if reply.text:
        yield from (_delta(0, {"text": word}) for word in reply.words)
        yield "contentBlockStop", {"contentBlockIndex": 0}
        index = 1
    for place, call in enumerate(reply.tool_calls):
        begun = {"toolUse": _named(call, number, place)}
        yield "contentBlockStart", {"start": begun, "contentBlockIndex": index + place}
        half = len(call.text) // 2
        for piece in (call.text[:half], call.text[half:]):
            yield _delta(index + place, {"toolUse": {"input": piece}})
        yield "contentBlockStop", {"contentBlockIndex": index + place}
    yield "messageStop", {"stopReason": STOP_REASONS[reply.finish_reason]}
    yield "metadata", _metadata(reply)


def _delta(index: int, delta: Document) -> tuple[str, Document]:
    return "contentBlockDelta", {"delta": delta, "contentBlockIndex": index}


def _metadata(reply: Reply) -> Document:
    usage = reply.usage
    tokens = {"inputTokens": usage.input, "outputTokens": usage.output, "totalTokens": usage.input + usage.output}
    return {"usage": tokens, "metrics": {"latencyMs": 1}}


def _named(call: ToolCall, number: int, place: int) -> Document:
    return {"toolUseId": call.id or f"tooluse_{number}_{place}", "name": call.name}


def _refused(status: int, exception: str, message: str) -> Answer:
    return Answer(status, json.dumps({"message": message}).encode(), {"x-amzn-ErrorType": exception})


def _presented(request: Request) -> str:
    authorization = request.headers.get("authorization", "")
    found = re.search(r"Credential=([^/,]+)/", authorization)
    return found[1] if found else request.bearer


def _said(message: Document) -> Said:
    blocks = message["content"]
    uses = (block["toolUse"] for block in blocks if "toolUse" in block)
    results = (block["toolResult"] for block in blocks if "toolResult" in block)
    return Said(
        message["role"],
        text_of(blocks),
        tuple(ToolCall(each["name"], each["input"], each["toolUseId"]) for each in uses),
        tuple(ToolResult(each["toolUseId"], _result_text(each["content"])) for each in results),
    )


def _result_text(content: list[Document]) -> str:
    return "".join(json.dumps(part["json"]) if "json" in part else part.get("text", "") for part in content)
