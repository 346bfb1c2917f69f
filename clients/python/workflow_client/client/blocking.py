"""The same client for code without an event loop: each verb of `AsyncClient`, run to its end on a loop in a thread."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeVar

from workflow_client.client.async_client import AsyncClient
from workflow_client.client.rest import RestClient
from workflow_client.dialing import DEFAULT_TARGET, Tls
from workflow_client.errors import WorkflowClientError

P = ParamSpec("P")
R = TypeVar("R")


class NoRestUrl(WorkflowClientError):
    def __init__(self) -> None:
        super().__init__("This client was not told where REST is; make it with rest_url='http://127.0.0.1:8006'")


def _blocking(
    verb: Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, R]],
) -> "Callable[Concatenate[Client, P], R]":
    @wraps(verb)
    def run(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return client._run(verb(client._inner, *args, **kwargs))

    return run


def _iterating(
    verb: Callable[Concatenate[AsyncClient, P], AsyncIterator[R]],
) -> "Callable[Concatenate[Client, P], Iterator[R]]":
    @wraps(verb)
    def run(client: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        items = verb(client._inner, *args, **kwargs)
        return client._iterate(items)

    return run


class Client:
    """Safe for threads. `with Client() as client:` closes it. Arguments and errors are those of `AsyncClient`."""

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        rest_url: str | None = None,
        api_key: str | None = None,
        tls: Tls | bool = False,
        timeout: float = 30.0,
        retries: int = 5,
    ) -> None:
        self._rest = None if rest_url is None else RestClient(rest_url, api_key=api_key, timeout=timeout)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="workflow-client", daemon=True)
        self._thread.start()

        async def make() -> AsyncClient:
            return AsyncClient(target, api_key=api_key, tls=tls, timeout=timeout, retries=retries)

        try:
            self._inner = self._run(make())
        except BaseException:
            self._stop()
            raise

    @property
    def rest(self) -> RestClient:
        """The same verbs over HTTP."""
        if self._rest is None:
            raise NoRestUrl
        return self._rest

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        if not self._loop.is_closed():
            self._run(self._inner.close())
            self._stop()

    execute = _blocking(AsyncClient.execute)
    wait = _blocking(AsyncClient.wait)
    results = _blocking(AsyncClient.results)
    get = _blocking(AsyncClient.get)
    list_executions = _blocking(AsyncClient.list_executions)
    events = _blocking(AsyncClient.events)
    watch = _iterating(AsyncClient.watch)
    explain = _blocking(AsyncClient.explain)
    cancel = _blocking(AsyncClient.cancel)
    pause = _blocking(AsyncClient.pause)
    resume = _blocking(AsyncClient.resume)
    signal = _blocking(AsyncClient.signal)
    validate = _blocking(AsyncClient.validate)
    save_workflow = _blocking(AsyncClient.save_workflow)
    get_workflow = _blocking(AsyncClient.get_workflow)
    list_workflows = _blocking(AsyncClient.list_workflows)
    list_workflow_versions = _blocking(AsyncClient.list_workflow_versions)
    delete_workflow = _blocking(AsyncClient.delete_workflow)
    list_steps = _blocking(AsyncClient.list_steps)
    get_step = _blocking(AsyncClient.get_step)
    list_step_versions = _blocking(AsyncClient.list_step_versions)
    deregister_step = _blocking(AsyncClient.deregister_step)
    reset_step = _blocking(AsyncClient.reset_step)
    list_workers = _blocking(AsyncClient.list_workers)

    def _run(self, work: Coroutine[Any, Any, R]) -> R:
        """An interrupt of the caller stops the call, too."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def _iterate(self, items: AsyncIterator[R]) -> Iterator[R]:
        """Closing the iterator closes the stream behind it."""
        iterator = items.__aiter__()

        async def following() -> tuple[R] | None:
            try:
                return (await iterator.__anext__(),)
            except StopAsyncIteration:
                return None

        async def close() -> None:
            aclose = getattr(iterator, "aclose", None)
            if aclose is not None:
                await aclose()

        try:
            while (found := self._run(following())) is not None:
                yield found[0]
        finally:
            if not self._loop.is_closed():
                self._run(close())

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
