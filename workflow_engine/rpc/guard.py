"""What every call passes on its way in and every status on its way out; one interceptor around all servicers.

It hands servicers their requests decoded and answers for what they raise, so that nothing a client sends ends as
UNKNOWN or INTERNAL, and no exception text leaves the server: grpc.aio would tell both by itself.
"""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf.message import DecodeError, Message
from grpc import aio

from workflow_engine.engine.places import Places, TooManyCalls
from workflow_engine.engine.vitals import NotReady
from workflow_engine.errors import InternalError, InvalidRequest, MalformedRequest, Problem, WorkflowEngineError
from workflow_engine.identifiers import new_id
from workflow_engine.logs import logger
from workflow_engine.rpc.backing import Backing
from workflow_engine.rpc.problems import details, sentence, status_code
from workflow_engine.rpc.texts import unstorable_texts
from workflow_engine.runtime.runtime import ShuttingDown

OURS: Final = "/workflow_engine.v1."
WORKERS: Final = "/workflow_engine.v1.WorkerService/"
"""What is wrong with a text there is the fault of one item, and is seen to where that is read."""
READING: Final = ("Get", "List", "Watch", "Explain", "Validate")
"""How the names of methods begin that change nothing."""

log = logger(__name__)

Context: TypeAlias = aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Found: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
Decode: TypeAlias = Callable[[bytes], Message]
Work: TypeAlias = Callable[[Context], Awaitable[Any]]


class MalformedMessage(MalformedRequest):
    code = "malformed-message"

    def __init__(self, kind: str) -> None:
        super().__init__(f"These bytes are no {kind}; text in it must be UTF-8")


class NoMessage(MalformedRequest):
    code = "no-message"

    def __init__(self) -> None:
        super().__init__("The call ended without a message; send exactly one")


class MessageTimeout(MalformedRequest):
    code = "message-timeout"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The message of a call must arrive within {seconds:g} seconds")


class UnstorableText(InvalidRequest):
    """Fields with a NUL, which no database keeps; all of them are listed."""

    code = "unstorable-text"

    def __init__(self, pointers: list[str]) -> None:
        self.pointers = tuple(pointers)
        super().__init__("A NUL character in a text cannot be stored; leave it out")

    def problems(self) -> tuple[Problem, ...]:
        return tuple(Problem(self.code, str(self), pointer) for pointer in self.pointers)


class Guard(aio.ServerInterceptor):
    """Wraps each method once, when it is first called."""

    def __init__(self, backing: Backing) -> None:
        self._backing = backing
        self._calls = Places(backing.settings.rpc.max_calls, TooManyCalls)
        self._wrapped: dict[str, Handler] = {}
        self._ours = 0
        self.nothing_left = asyncio.Event()
        """Set while no call is under way that a stop should wait for: watches of health and reflection never end."""
        self.nothing_left.set()

    @property
    def calls(self) -> int:
        """How many are under way."""
        return self._calls.taken

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Found]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Found:
        method = _text(handler_call_details.method)
        if method not in self._wrapped:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None  # grpc answers UNIMPLEMENTED
            self._wrapped[method] = self._guarded(method, handler)
        return self._wrapped[method]

    def _guarded(self, method: str, handler: Handler) -> Handler:
        decode = _decoder(handler, check_texts=not method.startswith(WORKERS))
        takes, gives = handler.request_streaming, handler.response_streaming
        kind = f"{'stream' if takes else 'unary'}_{'stream' if gives else 'unary'}"
        function: Callable[[Any, Context], Any] = getattr(handler, kind)
        # Requests always come as a stream: grpc.aio leaves a unary call without any message open for ever.
        rebuilt: Callable[..., Handler] = getattr(grpc, f"stream_{'stream' if gives else 'unary'}_rpc_method_handler")

        async def answer(sent: AsyncIterator[bytes], context: Context) -> Any:  # noqa: ANN401 - whatever message this method answers with
            async def work(context: Context) -> Any:  # noqa: ANN401 - the same
                request = _decoded_stream(sent, decode) if takes else decode(await self._first(sent))
                if gives:
                    return await _send(function(request, context), context)
                return await function(request, context)

            return await self._pass(method, work, context)

        return rebuilt(answer, None, handler.response_serializer)

    async def _pass(self, method: str, work: Work, context: Context) -> Any:  # noqa: ANN401 - whatever message this method answers with
        if method.startswith(OURS):
            self._count(context)
        try:
            with self._calls:
                self._check_takes_work(method)
                answered = await work(context)
                self._backing.failpoints.reach("before-reply")
                return answered
        except aio.AbortError:
            raise  # a status that was set already
        except WorkflowEngineError as refusal:
            if refusal.http_status >= 500 and refusal.retry_after_seconds is None:
                await self._fault(method, refusal, context)
            await _refuse(refusal, context)
        except Exception as bug:
            if context.done():
                raise  # the client is gone, and with it whoever could be answered
            await self._fault(method, bug, context)

    def _count(self, context: Context) -> None:
        """A call is over when its status is sent, which is after its function has returned."""
        self._ours += 1
        self.nothing_left.clear()
        context.add_done_callback(self._over)  # type: ignore[arg-type]  # the stubs ask for a class of their own

    def _over(self, _context: Context) -> None:
        self._ours -= 1
        if self._ours == 0:
            self.nothing_left.set()

    async def _first(self, sent: AsyncIterator[bytes]) -> bytes:
        """The only message of a call that takes one. Raises `NoMessage`, `MessageTimeout`."""
        longest = self._backing.settings.limits.body_timeout_seconds
        try:
            async with asyncio.timeout(longest):
                async for message in sent:
                    return message
        except TimeoutError:
            raise MessageTimeout(longest) from None
        raise NoMessage

    def _check_takes_work(self, method: str) -> None:
        """Reading is always possible; whatever would change something waits until recovery is done."""
        if not method.startswith(OURS) or method.rpartition("/")[2].startswith(READING):
            return
        if self._backing.stopping.is_set():
            raise ShuttingDown
        if not self._backing.face.vitals.ready:
            raise NotReady

    async def _fault(self, method: str, bug: Exception, context: Context) -> None:
        incident = new_id()
        log.error("a call failed", incident=incident, method=method, exc_info=bug)
        self._backing.errors.fault(type(bug).__name__, f"see the log under {incident}")
        self._backing.metrics.fault(type(bug).__name__)
        await _refuse(InternalError(incident), context)


async def _refuse(refusal: WorkflowEngineError, context: Context) -> None:
    await context.abort(status_code(refusal), sentence(refusal), details(refusal))


async def _send(stream: Any, context: Context) -> None:  # noqa: ANN401 - a generator, or a function that writes itself
    if not inspect.isasyncgen(stream):
        await stream
        return
    async with aclosing(stream) as messages:
        async for message in messages:
            await context.write(message)


def _decoder(handler: Handler, *, check_texts: bool) -> Decode:
    """Decoding with a refusal of our own. Raises `MalformedMessage`, `UnstorableText`."""
    parse: Callable[[bytes], Message] = handler.request_deserializer or Message.FromString
    kind = getattr(getattr(parse, "__self__", None), "__name__", "message of this method")

    def decode(sent: bytes) -> Message:
        try:
            message = parse(sent)
        except DecodeError:
            raise MalformedMessage(kind) from None
        if check_texts and b"\0" in sent and (found := list(unstorable_texts(message))):
            raise UnstorableText(found)
        return message

    return decode


async def _decoded_stream(sent: AsyncIterator[bytes], decode: Decode) -> AsyncIterator[Message]:
    async for part in sent:
        yield decode(part)


def _text(method: str | bytes) -> str:
    return method.decode("ascii", "replace") if isinstance(method, bytes) else method
