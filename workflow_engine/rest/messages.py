"""Routes about what is said to an agent while it runs, and by it."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter
from starlette.responses import Response

from workflow_engine.rest.agent_bodies import ConversationBody, conversation_body
from workflow_engine.rest.bodies import Body, at_most
from workflow_engine.rest.call import Call, Route, answer
from workflow_engine.rest.documentation import WITH_BODY, describe
from workflow_engine.rest.executions import KEY
from workflow_engine.rest.wire import MessageBody

if TYPE_CHECKING:
    from workflow_engine.jsontext import JsonObject
else:  # Pydantic makes JSON Schemas of these shapes, and would follow the recursive alias without end.
    JsonObject = dict

STEP: Final = {
    "execution_id": "Id of the execution.",
    "path": "Path of the agent's step, such as `ask` or `fan[3].ask`; `#` is written `%23`.",
}

router = APIRouter(route_class=Route, tags=["agents"])


class Role(StrEnum):
    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class ConversationEntry(Body):
    """What is said to the agent. `metadata.final_turn` = true ends a conversation of several turns."""

    role: Role = Role.USER
    content: str
    metadata: JsonObject | None = None
    session_id: Annotated[str, at_most(255)] | None = None


@router.get(
    "/executions/{execution_id}/steps/{path}/messages",
    **describe("list_messages", "What was said so far", answers=ConversationBody, path=STEP, refusals=(404, 409)),
)
async def list_messages(call: Call) -> Response:
    return answer(conversation_body(await call.face.executions.messages(call.caller, *_step(call))))


@router.post(
    "/executions/{execution_id}/steps/{path}/messages",
    **describe(
        "send_message",
        "Say something to an agent",
        answers=MessageBody,
        example={"message": "Message accepted"},
        body=ConversationEntry,
        body_example={"role": "user", "content": "Make it shorter.", "metadata": {"final_turn": True}},
        path=STEP,
        headers=KEY,
        refusals=(404, 409, *WITH_BODY),
    ),
)
async def send_message(call: Call) -> Response:
    """Taken up by an agent that waits for it, or with its next turn."""
    entry = await call.read_as(ConversationEntry)
    message = entry.model_dump(mode="json", exclude_none=True)
    await call.face.executions.send_message(call.caller, *_step(call), message, key=call.key)
    return answer({"message": "Message accepted"})


def _step(call: Call) -> tuple[str, str]:
    return call.path_params["execution_id"], call.path_params["path"]
