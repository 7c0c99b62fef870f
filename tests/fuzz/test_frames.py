"""Malformed frames, 120,000 of them: a node reads or refuses each, never dies and never grows."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from tests.fuzz.frames import Frames
from wsi_swarm.swarm.ledger.typed_data import account_of, endpoint_hash
from wsi_swarm.swarm.network.intake import Heard, Intake, PassOn
from wsi_swarm.swarm.network.limits import Limits, Rate
from wsi_swarm.swarm.network.links import Links, Local, Peer, Traffic
from wsi_swarm.swarm.protocol.download import Download
from wsi_swarm.swarm.protocol.message import Have
from wsi_swarm.swarm.state.chunks import CHUNK_BYTES

MIB = 2**20
FRAMES = 100_000
CONFIG = b"c" * 32
NO_LIMITS = Limits(*[Rate(1e12, 1e15)] * 5, connections=1000)
"""Otherwise the sender would be cut off after the first few."""


def memory() -> int:
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def local(index: int, endpoint: str = "") -> Local:
    public, secret = (z85.decode(key) for key in zmq.curve_keypair())
    return Local(index, bytes([index + 1]) * 32, public, secret, endpoint, endpoint, 1, CONFIG)


def peer(one: Local) -> Peer:
    return Peer(one.index, account_of(one.key), one.curve_public, endpoint_hash(one.endpoint), one.endpoint)


def free_endpoint() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def unexpected(*what: object) -> None:
    pytest.fail(f"nobody should have been cut off: {what}")


@pytest.fixture(autouse=True)
def silent():
    """A log of so many lines would grow itself."""
    log = logging.getLogger("wsi_swarm.swarm.network")
    level = log.level
    log.setLevel(logging.ERROR)
    yield
    log.setLevel(level)


@pytest.mark.slow
def test_100000_frames_are_read_or_refused_one_by_one():
    me, sender, third = local(0), local(1), local(2)
    frames = Frames(sender.key, CONFIG, 1, 1)
    counts = {"heard": 0, "passed on": 0, "neither": 0}
    told: list[object] = []
    intake = Intake(me, NO_LIMITS, Traffic(), unexpected, lambda *what: told.append(what))
    intake.peers = {1: peer(sender), 2: peer(third)}
    download = Download(frames.manifest.root, [1, 2], 1.0)
    begun, settled = time.monotonic(), 0
    for seed in range(FRAMES):
        if seed == FRAMES // 5:
            settled = memory()
        outcome = intake.take(1, [frames.frame(seed)], float(seed))
        match outcome:
            case Heard():
                counts["heard"] += 1
                download.hear(outcome.author, outcome.message, float(seed))
                download.requests(float(seed))
            case PassOn():
                counts["passed on"] += 1
            case None:
                counts["neither"] += 1
    rate = FRAMES / (time.monotonic() - begun)
    print(f"{rate:.0f} frames/s, {counts}, {(memory() - settled) / MIB:.1f} MiB grown")
    assert min(counts.values()) > 0
    assert counts["neither"] > FRAMES // 2
    assert intake.traffic.bad + intake.traffic.refused + intake.traffic.dropped == counts["neither"]
    assert not download.complete
    assert len(told) < 20
    assert memory() - settled < 20 * MIB


@pytest.mark.slow
def test_20000_frames_and_broken_connections_at_a_real_socket():
    async def play() -> None:
        me, sender, honest = local(0, free_endpoint()), local(1), local(2)
        frames = Frames(sender.key, CONFIG, 1, 1)
        heard = asyncio.Event()
        came: list[object] = []

        def hear(index: int, _round: int, message: object) -> None:
            if index == 2 and isinstance(message, Have):
                heard.set()
            came.append(type(message))

        peers = {1: peer(sender), 2: peer(honest)}
        told: list[object] = []
        async with (
            Links(me, 0.2, 2, peers, hear, lambda *what: told.append(what), NO_LIMITS) as links,
            Links(honest, 0.2, 2, {0: peer(me)}, lambda *_: None) as other,
        ):
            settled, begun = memory(), time.monotonic()
            with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
                raw.curve_publickey, raw.curve_secretkey = sender.curve_public, sender.curve_secret
                raw.curve_serverkey, raw.linger, raw.rcvhwm = me.curve_public, 0, 1
                raw.connect(me.endpoint)
                draw = random.Random(7)
                for seed in range(20_000):
                    parts = [frames.frame(10**6 + seed)] * draw.choice((1, 1, 1, 1, 1, 1, 1, 1, 2, 20))
                    if sum(map(len, parts)) > CHUNK_BYTES:
                        parts = parts[:1]
                    while True:
                        try:
                            raw.send_multipart(parts, zmq.NOBLOCK)
                            break
                        except zmq.Again:
                            await asyncio.sleep(0)  # the other side is this very event loop
                    if seed % 100 == 0:
                        break_in(me.endpoint, draw)
                        await asyncio.sleep(0)
                async with asyncio.timeout(60):
                    while links.traffic.bad + links.traffic.refused + len(came) < 15_000:
                        await asyncio.wait_for(links_are_quiet(links), 60)
            rate = 20_000 / (time.monotonic() - begun)
            async with asyncio.timeout(30):
                while not heard.is_set():
                    other.send(0, 1, Have(b"h" * 32))
                    await links_are_quiet(links)
            print(f"{rate:.0f} frames/s, {links.traffic}, {(memory() - settled) / MIB:.1f} MiB grown")
            assert links.reachable() >= {2}
            assert memory() - settled < 40 * MIB

    asyncio.run(play())


async def links_are_quiet(links: Links) -> None:
    """Wait until nothing came for one turn of the loop after another."""
    before = -1
    while before != links.traffic.bytes_in:
        before = links.traffic.bytes_in
        await asyncio.sleep(0)


def break_in(endpoint: str, draw: random.Random) -> None:
    """Open a connection, say something that is no handshake, or a piece of one, and leave."""
    host, port = endpoint.removeprefix("tcp://").split(":")
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(15) + b"\x00" + bytes(31)
    with socket.create_connection((host, int(port))) as one:
        one.sendall(draw.choice((draw.randbytes(300), greeting, greeting[:20], greeting + draw.randbytes(200), b"")))
