"""What waits for peers that take nothing just now."""

from __future__ import annotations

import asyncio
import os

from wsi_swarm.swarm.network.outbox import Outbox
from wsi_swarm.swarm.protocol.message import WINDOW, Chunk, WantChunks
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES


def test_frames_keep_their_order_and_wait_until_they_are_taken():
    box, sent, room = Outbox(), [], [3]

    def send(index: int, frame: bytes) -> bool:
        if room[0] == 0:
            return False
        room[0] -= 1
        sent.append((index, frame))
        return True

    for frame in (b"1", b"2", b"3", b"4"):
        assert box.put(7, frame)
    box.flush(send)
    assert sent == [(7, b"1"), (7, b"2"), (7, b"3")]
    assert box.holds(7)
    room[0] = 5
    box.flush(send)
    assert sent[-1] == (7, b"4")
    assert not box.holds(7)


def test_it_is_bounded_for_each_and_in_all_and_frees_what_was_sent():
    box = Outbox(peer_bytes=10, all_bytes=15)
    assert box.put(1, bytes(10))
    assert not box.put(1, b"x")
    assert box.put(2, bytes(5))
    assert not box.put(3, b"x")
    assert box.forget(1) == 1
    assert box.put(3, bytes(10))
    box.flush(lambda *_: True)
    assert box.put(1, bytes(10))


def test_sixteen_blobs_at_once_from_one_peer_come_without_being_asked_for_again(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1, dial_only=True)
        async with net.links(a, b, heartbeat_s=0.5) as left, net.links(b, a, heartbeat_s=0.5) as right:
            await net.until_heard(left, 1)
            await net.until_heard(right, 0)
            data = os.urandom(CHUNK_BYTES)
            for blob in range(16):
                right.send(0, 7, WantChunks(bytes([blob]) * 32, tuple(range(WINDOW))))
            await left.inbox.wait(16)
            for blob in range(16):
                for index in range(WINDOW):
                    left.send(1, 7, Chunk(bytes([blob]) * 32, index, data))
            await right.inbox.wait(16 * WINDOW)
            assert len({(message.root, message.index) for *_, message in right.inbox}) == 16 * WINDOW

    asyncio.run(play())
