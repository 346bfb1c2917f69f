"""Chunks: cut to size, numbered without gaps, sent again from where the server waits."""

import pytest

from workflow_client.generated.worker_pb2 import Lease
from workflow_client.protocol.chunks import MOST_KEPT, ChunkLog, split


@pytest.mark.parametrize("text", ["", "abc", "é" * 10, "aé€😀" * 7])
@pytest.mark.parametrize("most", [4, 5, 7, 100])
def test_text_is_cut_between_characters_and_nothing_is_lost(text: str, most: int) -> None:
    parts = list(split(text, most))
    assert "".join(parts) == text
    assert all(len(part.encode()) <= most for part in parts)


def test_numbers_close_up_over_what_fell_out_before_the_server_had_it() -> None:
    log = ChunkLog(Lease())
    for number in range(MOST_KEPT + 3):
        log.add("text", str(number), 100)
    again = log.resend(1)
    assert again[0].data == "3"
    assert [chunk.seq for chunk in again] == list(range(1, MOST_KEPT + 1))
    assert log.lost == 2
    assert log.add("text", "next", 100)[0].seq == MOST_KEPT + 1


def test_what_the_server_has_is_let_go() -> None:
    log = ChunkLog(Lease())
    log.add("text", "a", 100)
    log.add("text", "b", 100)
    log.confirm(1)
    assert [(chunk.seq, chunk.data) for chunk in log.resend(0)] == [(0, "b")]
