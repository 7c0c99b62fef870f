"""Hosts joined by slow, lossy lines: network namespaces whose packets go through this process (needs root and TUN).

Kernels without ``sch_netem`` cannot delay packets; a few lines of user space can, on every kernel, and lose the same
packets for the same seed. Each host has a TUN interface; a packet from one to another waits in line at the sender's
rate, is lost or not, and arrives after the delay.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from dataclasses import dataclass

_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
NETWORK = "10.77.0."


@dataclass(frozen=True)
class Line:
    """Delay of each packet in seconds, bits per second of each host's line, part of the packets that is lost."""

    delay_s: float = 0.2
    rate: float = 20e6
    loss: float = 0.02


class Wire:
    """The hosts ``10.77.0.1`` (this namespace) to ``10.77.0.N``, each in a namespace of its own.

    Parameters
    ----------
    hosts : how many namespaces there are besides this one.
    line : what their lines are like.
    seed : which packets get lost.
    """

    def __init__(self, hosts: int, line: Line, seed: int) -> None:
        self._line, self._random = line, random.Random(seed)
        self._tag = f"w{os.getpid() % 10000}"
        self._tuns: dict[int, int] = {}  # last byte of the address -> file
        self._free_at: dict[int, float] = {}
        self.carried = self.lost = 0
        self._over = threading.Event()
        for host in range(1, hosts + 2):
            self._make(host)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def address(self, host: int) -> str:
        """Return the address of a host; 1 is this namespace."""
        return f"{NETWORK}{host}"

    def inside(self, host: int) -> list[str]:
        """Return the command that runs what follows on a host."""
        return ["ip", "netns", "exec", f"{self._tag}-{host}"]

    def close(self) -> None:
        """Take everything down."""
        self._over.set()
        self._thread.join(5)
        for host, tun in self._tuns.items():
            os.close(tun)
            if host > 1:
                _ip("netns", "del", f"{self._tag}-{host}")

    def _make(self, host: int) -> None:
        name = f"{self._tag}t{host}"
        tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
        self._tuns[host], self._free_at[host] = tun, 0.0
        inside: tuple[str, ...] = ()
        if host > 1:
            space = f"{self._tag}-{host}"
            _ip("netns", "add", space)
            _ip("link", "set", name, "netns", space)
            inside = ("-n", space)
            _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "address", "add", f"{self.address(host)}/24", "dev", name)
        _ip(*inside, "link", "set", name, "up", "txqueuelen", "1000")

    def _carry(self) -> None:
        hosts = {tun: host for host, tun in self._tuns.items()}
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._over.is_set():
            pause = max(0.0, min(0.2, waiting[0][0] - time.monotonic())) if waiting else 0.2
            for tun in select.select(list(hosts), [], [], pause)[0]:
                with contextlib.suppress(BlockingIOError):
                    packet = os.read(tun, 65536)
                    count += 1
                    self._send(waiting, count, hosts[tun], packet)
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, to, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):  # its queue is full, or its interface went down: one more is lost
                    os.write(self._tuns[to], packet)

    def _send(self, waiting: list[tuple[float, int, int, bytes]], count: int, host: int, packet: bytes) -> None:
        to = packet[19] if packet[0] >> 4 == 4 else 0
        if to not in self._tuns:
            return
        self.carried += 1
        if self._random.random() < self._line.loss:
            self.lost += 1
            return
        begin = max(self._free_at[host], time.monotonic())
        self._free_at[host] = begin + 8 * len(packet) / self._line.rate
        heapq.heappush(waiting, (self._free_at[host] + self._line.delay_s, count, to, packet))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
