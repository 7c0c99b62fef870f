"""Members on loopback, and ways to wait for what comes over their links."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zmq
from zmq.utils import z85

from wsi_swarm.swarm.ledger.typed_data import account_of, endpoint_hash
from wsi_swarm.swarm.network.limits import Limits
from wsi_swarm.swarm.network.links import Links, Local, Peer, Traffic, bind_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONFIG = b"c" * 32


class Inbox(list):
    """What came, and a way to wait for the next."""

    def __init__(self) -> None:
        super().__init__()
        self._came = asyncio.Event()

    def __call__(self, *what) -> None:
        self.append(what)
        self._came.set()

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self) < count:
                self._came.clear()
                await self._came.wait()


class Heard(dict):
    """When each member was heard last, and a way to wait for signs of life."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = asyncio.Event()
        self._beats: Counter[int] = Counter()

    def __setitem__(self, index: int, when: float) -> None:
        super().__setitem__(index, when)
        self._beats[index] += 1
        self._changed.set()

    async def beats(self, index: int, count: int) -> None:
        """Wait until this member was heard so many more times."""
        wanted = self._beats[index] + count
        async with asyncio.timeout(20):
            while self._beats[index] < wanted:
                self._changed.clear()
                await self._changed.wait()


class Counts(Traffic):
    """Traffic, and a way to wait until it has come to something."""

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name != "changed" and hasattr(self, "changed"):
            self.changed.set()

    async def until(self, condition: Callable[[Counts], bool]) -> None:
        self.changed = asyncio.Event()
        async with asyncio.timeout(20):
            while not condition(self):
                self.changed.clear()
                await self.changed.wait()


def free_endpoint() -> str:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as probe:
        port = probe.bind_to_random_port("tcp://127.0.0.1")
    return f"tcp://127.0.0.1:{port}"


class Net:
    """Makes members and their links."""

    config = CONFIG

    @staticmethod
    def local(index: int, dial_only: bool = False) -> Local:
        public, secret = (z85.decode(key) for key in zmq.curve_keypair())
        endpoint = "" if dial_only else free_endpoint()
        return Local(index, os.urandom(32), public, secret, endpoint, bind_address(endpoint), 1, CONFIG)

    @staticmethod
    def peer(one: Local, knows_endpoint: bool = True) -> Peer:
        endpoint = one.endpoint if knows_endpoint else None
        return Peer(one.index, account_of(one.key), one.curve_public, endpoint_hash(one.endpoint), endpoint)

    def links(self, one: Local, *others: Local, heartbeat_s: float = 0.1, limits: Limits | None = None) -> Links:
        """Return links whose ``inbox``, ``trouble``, ``heard_at`` and ``traffic`` can be waited for."""
        inbox, trouble = Inbox(), Inbox()
        peers = {other.index: self.peer(other) for other in others}
        made = Links(one, heartbeat_s, 2, peers, inbox, trouble, limits or Limits())
        made.inbox, made.trouble, made.heard_at = inbox, trouble, Heard()
        made.traffic = made._intake.traffic = Counts()
        return made

    @staticmethod
    async def until_heard(listener: Links, index: int) -> None:
        if index not in listener.heard_at:
            await listener.heard_at.beats(index, 1)

    @staticmethod
    async def say(sender: Links, to: Links, message) -> None:
        """Say something until it came: nothing is trusted to arrive."""
        async with asyncio.timeout(30):
            while not any(came == message for *_, came in to.inbox):
                sender.send(to._local.index, 7, message)
                with suppress(TimeoutError):
                    await asyncio.wait_for(to.inbox.wait(len(to.inbox) + 1), 0.3)

    @staticmethod
    @contextmanager
    def dealer(member: Local, to: Local) -> Iterator[zmq.Socket[bytes]]:
        """A socket with a member's keys that says whatever it is told to."""
        with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
            raw.curve_publickey, raw.curve_secretkey = member.curve_public, member.curve_secret
            raw.curve_serverkey = to.curve_public
            raw.linger, raw.rcvhwm = 0, 1
            raw.connect(to.endpoint)
            yield raw

    replace = staticmethod(replace)


@pytest.fixture
def net() -> Net:
    return Net()


@pytest.fixture
def socks():
    """A SOCKS5 proxy, to be entered."""
    specification = importlib.util.spec_from_file_location("socks", Path(__file__).with_name("socks.py"))
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module.Socks
