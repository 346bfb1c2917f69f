"""What is said to agents, and by them, as messages."""

from typing import Final, cast

from workflow_engine.clock import iso
from workflow_engine.errors import InvalidDocument, Problem
from workflow_engine.jsontext import Json, JsonObject, write
from workflow_engine.rpc.calls import InvalidField, text
from workflow_engine.rpc.generated import workflow_pb2

ROLES: Final = ("user", "assistant", "system")
LONGEST_SESSION_ID: Final = 255


def message_of(request: workflow_pb2.SendMessageRequest, metadata: Json) -> JsonObject:
    """What is to be said, as REST has it. Raises `InvalidField`, `InvalidDocument`."""
    if request.role not in ("", *ROLES):
        raise InvalidField("role", f"one of {', '.join(ROLES)}")
    message: JsonObject = {"role": request.role or ROLES[0], "content": request.content}
    if metadata is not None:
        if not isinstance(metadata, dict):
            raise InvalidDocument([Problem("wrong-type", "This must be an object", "/metadata")])
        message["metadata"] = metadata
    if session_id := text("session_id", request.session_id, LONGEST_SESSION_ID):
        message["session_id"] = session_id
    return message


def conversation(found: JsonObject) -> workflow_pb2.ListMessagesResponse:
    messages = cast(list[JsonObject], found["messages"])
    return workflow_pb2.ListMessagesResponse(messages=map(_said, messages), status=str(found["status"]))


def _said(message: JsonObject) -> workflow_pb2.ConversationMessage:
    content, turn = message.get("content"), message.get("turn")
    return workflow_pb2.ConversationMessage(
        role=str(message["role"]),
        content=content if isinstance(content, str) else "",
        at=_at(message.get("at")),
        turn=turn if isinstance(turn, int) else 0,
        data=write(message),
    )


def _at(at: Json) -> str:
    return iso(at) if isinstance(at, float | int) else str(at or "")
