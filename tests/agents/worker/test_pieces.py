import asyncio

from workflow_engine.agents.worker.pieces import FLUSH_EVERY, Pieces


async def test_the_first_text_leaves_at_once_and_the_next_ones_together() -> None:
    sent: list[tuple[float, str]] = []
    loop = asyncio.get_running_loop()
    second = asyncio.Event()

    def send(text: str) -> None:
        sent.append((loop.time(), text))
        if len(sent) == 2:
            second.set()

    pieces = Pieces(send)
    pieces.add("a")
    for text in "bcd":
        pieces.add(text)
    await asyncio.wait_for(second.wait(), 5)
    assert [text for _, text in sent] == ["a", "bcd"]
    assert sent[1][0] - sent[0][0] >= FLUSH_EVERY * 0.9


async def test_what_waits_leaves_in_the_end_and_only_once() -> None:
    sent: list[str] = []
    pieces = Pieces(sent.append)
    pieces.add("a")
    pieces.add("b")
    pieces.add("c")
    pieces.flush()
    pieces.flush()
    await asyncio.sleep(2 * FLUSH_EVERY)  # the timer that was set would have fired
    assert sent == ["a", "bc"]
