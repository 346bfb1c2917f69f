"""A path between workers and a server that fails as networks do: it goes silent, it comes late, it is cut."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Final, Self

BLOCK_BYTES: Final = 64 * 1024
LOOK_SECONDS: Final = 0.02


class ChaosProxy:
    """Forwards loopback connections to a port of loopback. Threads, so that it knows nothing of what it carries.

    In a hole nothing is read any more in the directions that are closed, and nobody is told: each side sees a peer
    that is silent. What was sent meanwhile waits in the buffers, and arrives when the hole is opened.
    """

    def __init__(self, target_port: int) -> None:
        self._target = ("127.0.0.1", target_port)
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1_024)
        self.port: int = self._listening.getsockname()[1]
        self._to_server, self._to_worker = threading.Event(), threading.Event()
        self._pairs: set[tuple[socket.socket, socket.socket]] = set()
        self._lock = threading.Lock()
        self._closed = False
        self.open()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._listening.close()
        self.cut()
        self.open()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def swallow(self, *, to_server: bool = True, to_worker: bool = True) -> None:
        """From now on nothing gets through in these directions, in new connections neither."""
        if to_server:
            self._to_server.clear()
        if to_worker:
            self._to_worker.clear()

    def open(self) -> None:
        """Everything flows again, and what waited first."""
        self._to_server.set()
        self._to_worker.set()

    def cut(self) -> None:
        """End every connection there is; both sides are told."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            _end(pair)

    def _accept(self) -> None:
        while not self._closed:
            try:
                worker, _ = self._listening.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:  # the server is away: the worker is told as it would be without us
                worker.close()
                continue
            server.settimeout(None)
            pair = (worker, server)
            with self._lock:
                self._pairs.add(pair)
            for source, sink, flows in ((worker, server, self._to_server), (server, worker, self._to_worker)):
                threading.Thread(target=self._carry, args=(source, sink, flows, pair), daemon=True).start()

    def _carry(
        self, source: socket.socket, sink: socket.socket, flows: threading.Event, pair: tuple[socket.socket, ...]
    ) -> None:
        """One direction of one connection, until either side ends it."""
        with contextlib.suppress(OSError):  # whichever side it came from, both are ended below
            while block := source.recv(BLOCK_BYTES):
                while not flows.wait(LOOK_SECONDS):
                    if pair not in self._pairs:
                        return
                sink.sendall(block)
        with self._lock:
            self._pairs.discard((pair[0], pair[1]))
        _end(pair)


def _end(pair: tuple[socket.socket, ...]) -> None:
    for each in pair:
        with contextlib.suppress(OSError):  # it may have ended by itself
            each.shutdown(socket.SHUT_RDWR)
        each.close()
