"""Notices that the process which started this one is gone: nobody holds the other end of stdin any more."""

import asyncio
import os
from collections.abc import Callable


class Parent:
    """`gone` is called once, from the loop, when `descriptor` has reached its end. What is written to it is ignored."""

    def __init__(self, descriptor: int, gone: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._gone = gone
        self._loop = asyncio.get_running_loop()

    def watch(self) -> None:
        self._loop.add_reader(self._descriptor, self._readable)

    def leave(self) -> None:
        self._loop.remove_reader(self._descriptor)

    def _readable(self) -> None:
        try:
            here = os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        except OSError:
            here = b""
        if not here:
            self.leave()
            self._gone()
