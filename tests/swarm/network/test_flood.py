"""Who floods a member from another process is cut off and reported; memory stays flat and the others are heard."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import zmq

from wsi_swarm.swarm.network.codec import MAX_FRAME, seal
from wsi_swarm.swarm.network.limits import Limits, Rate
from wsi_swarm.swarm.protocol.message import Beat, Chunk, Envelope, Forward, Have, Lack, WantChunks
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES

ATTACKER, CURVE = Path(__file__).with_name("attacker.py"), Path(__file__).with_name("curve.py")
MIB = 2**20


def memory() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Attack:
    """The attacker's process."""

    def __init__(self, kind: str, victim, member, frame: bytes) -> None:
        port = victim.endpoint.rpartition(":")[2]
        keys = (victim.curve_public, member.curve_public, member.curve_secret)
        program = [CURVE] if kind == "parts" else [ATTACKER, kind]
        command = [sys.executable, *map(str, program), port, *(key.hex() for key in keys)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        with suppress(BrokenPipeError):
            self._process.stdin.write(frame)
            self._process.stdin.close()

    def __enter__(self) -> Attack:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


KINDS = {"chunks": 60, "frames": 30, "forwards": 60, "large garbage": 60}  # MiB that memory may grow at most


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_a_flood_is_cut_off_and_memory_stays_flat(net, kind, record_property):
    async def play() -> int:
        a, b, c = net.local(0), net.local(1), net.local(2)
        envelope = {
            "chunks": Chunk(b"r" * 32, 0, os.urandom(CHUNK_BYTES)),
            "frames": Lack(b"l" * 32),
        }
        frame = seal(Envelope(1, net.config, 1, 1, envelope.get(kind, Have(b"h" * 32))), b.key)
        if kind == "forwards":
            inner = seal(Envelope(1, net.config, 1, 1, Chunk(b"r" * 32, 0, os.urandom(CHUNK_BYTES))), b.key)
            frame = seal(Envelope(1, net.config, 1, 1, Forward(2, inner)), b.key)
        if kind == "large garbage":
            frame = os.urandom(MAX_FRAME - 100)
        limits = Limits(relay=Rate(MIB, 8 * MIB))  # so that a slow machine can flood it too
        async with net.links(a, net.replace(b, endpoint=""), c, limits=limits) as left, net.links(c, a) as honest:
            await net.until_heard(left, 2)
            await net.until_heard(honest, 0)
            before, most = memory(), 0
            with Attack(kind, a, b, frame):
                async with asyncio.timeout(30):
                    while not any("floods" in text for _, text in left.trouble):
                        await left.trouble.wait(len(left.trouble) + 1)
                for _ in range(100):  # it dials again and again meanwhile
                    await left.heard_at.beats(2, 1)
                    most = max(most, memory())
            assert {index for index, _ in left.trouble} == {1}
            assert left.reachable() == {2}
            honest.send(0, 1, WantChunks(b"r" * 32, (1,)))
            async with asyncio.timeout(10):
                while not [one for one in left.inbox if one[0] == 2]:
                    await left.heard_at.beats(2, 1)
            return most - before

    grown = asyncio.run(play())
    record_property("MiB grown", grown / MIB)
    print(f"{kind}: {grown / MIB:.1f} MiB")
    assert grown < KINDS[kind] * MIB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells what a connection has received")
def test_a_message_whose_parts_never_end_fills_no_memory(net):
    if not list(Path(zmq.__file__).parents[1].glob("pyzmq.libs/libsodium*.so*")):
        pytest.skip("pyzmq was not installed from a wheel that brings libsodium")

    async def play() -> int:
        a, b, c = net.local(0), net.local(1), net.local(2)
        async with net.links(a, net.replace(b, endpoint=""), c) as left, net.links(c, a) as honest:
            await net.until_heard(left, 2)
            before, most = memory(), 0
            with Attack("parts", a, b, b""):
                async with asyncio.timeout(60):
                    while not left.trouble:
                        await left.heard_at.beats(2, 1)
                        most = max(most, memory())
                for _ in range(30):
                    await left.heard_at.beats(2, 1)
                    most = max(most, memory())
            assert left.trouble == [(1, "it sends messages that do not end; it is cut off for 60 s")]
            await net.say(honest, left, Have(b"h" * 32))
            return most - before

    grown = asyncio.run(play())
    print(f"parts: {grown / MIB:.1f} MiB")
    assert grown < 200 * MIB


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["connections", "garbage"])
def test_strangers_who_never_finish_a_handshake_or_talk_garbage_are_shut_out(net, kind):
    async def play() -> int:
        a, c = net.local(0), net.local(2)
        async with net.links(a, c, limits=None) as left, net.links(c, a) as honest:
            await net.until_heard(left, 2)
            before, most, crowd = memory(), 0, 0
            with Attack(kind, a, net.local(1), os.urandom(200)):
                for _ in range(120):
                    await left.heard_at.beats(2, 1)
                    most, crowd = max(most, memory()), max(crowd, len(left._connections.numbers()))
            async with asyncio.timeout(20):
                while len(left._connections.numbers()) > 2:
                    await left.heard_at.beats(2, 1)
            assert left.trouble == []
            assert honest.reachable() == {0}
            print(f"{kind}: at most {crowd} connections, {(most - before) / MIB:.1f} MiB")
            return most - before

    assert asyncio.run(play()) < 60 * MIB


def test_a_member_that_takes_nothing_any_more_is_disconnected_and_its_queue_freed(net):
    async def play() -> None:
        a, b = net.local(0), net.local(1, dial_only=True)
        async with net.links(a, b, heartbeat_s=0.3) as left:
            with net.dealer(b, a) as raw:
                alive = seal(Envelope(1, net.config, 0, 1, Beat("", hears=True)), b.key)
                raw.send(alive)
                await net.until_heard(left, 1)
                async with asyncio.timeout(60):
                    while not left.trouble:
                        for index in range(40):
                            left.send(1, 1, Chunk(b"r" * 32, index, bytes(CHUNK_BYTES)))
                        raw.send(alive)
                        await left.heard_at.beats(1, 1)
                assert left.trouble == [
                    (1, "it takes nothing any more though it speaks; its connections are made anew")
                ]

    asyncio.run(play())
