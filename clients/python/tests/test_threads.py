"""Threads for sync functions, and the way back to the loop."""

import asyncio
import threading
import time

import pytest

from workflow_client.threads import Inbox, Threads


def ignore() -> None:
    pass


async def test_every_outcome_of_many_quick_jobs_comes_back_on_the_loop_in_their_order() -> None:
    loop = asyncio.get_running_loop()
    done: list[int] = []
    complete = asyncio.Event()
    threads = Threads(1, Inbox(loop, ignore), loop)

    def arrive(number: int) -> None:
        assert threading.current_thread() is threading.main_thread()
        done.append(number)
        if len(done) == 5_000:
            complete.set()

    def job(number: int) -> None:
        threads.finished(lambda: arrive(number))

    for number in range(5_000):
        threads.run(lambda number=number: job(number))  # type: ignore[misc]  # bound at once, as lambdas go
    await asyncio.wait_for(complete.wait(), 10)
    assert done == list(range(5_000))
    threads.close()


async def test_a_job_that_blocks_does_not_hold_up_those_behind_it() -> None:
    loop = asyncio.get_running_loop()
    threads = Threads(20, Inbox(loop, ignore), loop)
    together = threading.Barrier(20, timeout=10)
    complete = asyncio.Event()
    done: list[None] = []

    def arrive() -> None:
        done.append(None)
        if len(done) == 20:
            complete.set()

    def job() -> None:
        together.wait()
        threads.finished(arrive)

    for _ in range(20):
        threads.run(job)
    await asyncio.wait_for(complete.wait(), 10)
    threads.close()


async def test_an_outcome_is_not_held_back_by_a_later_job_that_blocks() -> None:
    loop = asyncio.get_running_loop()
    threads = Threads(1, Inbox(loop, ignore), loop)
    release, arrived = threading.Event(), asyncio.Event()
    threads.run(lambda: threads.finished(arrived.set))
    threads.run(lambda: threads.finished(ignore) if release.wait(10) else None)
    began = time.monotonic()
    await asyncio.wait_for(arrived.wait(), 5)
    assert time.monotonic() - began < 1
    release.set()
    threads.close()


async def test_the_last_job_in_line_wakes_the_loop_by_itself() -> None:
    loop = asyncio.get_running_loop()
    threads = Threads(1, Inbox(loop, ignore), loop)
    arrived = asyncio.Event()

    def job() -> None:
        time.sleep(0.05)  # until nobody looks at the line any more
        threads.finished(arrived.set)

    threads.run(job)
    await asyncio.wait_for(arrived.wait(), 5)
    threads.close()


async def test_there_are_never_more_threads_than_allowed_until_one_is_given_up() -> None:
    loop = asyncio.get_running_loop()
    threads = Threads(1, Inbox(loop, ignore), loop)
    release, second = threading.Event(), asyncio.Event()
    threads.run(lambda: threads.finished(ignore) if release.wait(10) else None)
    threads.run(lambda: threads.finished(second.set))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(second.wait(), 0.1)
    threads.widen()
    await asyncio.wait_for(second.wait(), 5)
    release.set()
    threads.close()


async def test_what_comes_after_the_loop_has_ended_is_dropped_quietly() -> None:
    loop = asyncio.new_event_loop()
    inbox = Inbox(loop, ignore)
    loop.close()
    thread = threading.Thread(target=lambda: inbox.put(ignore))
    thread.start()
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()
