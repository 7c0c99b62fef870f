"""What the drivers of the peers share: processes that end together, their memory, and bytes on the loopback.

Run a driver in a network namespace of its own, so that the bytes counted are its own::

    unshare --net sh -c 'ip link set lo up; exec python benchmarks/peers/flower_round.py ...'
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WAIT_S = 180.0
MARK = "PEER_FOLDER"


class Group:
    """Processes and all that they start; leaving the context kills every one of them.

    Some peers' processes detach themselves, so they are known by a mark in their environment.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self._environment = folder, {**os.environ, **environment, MARK: str(folder)}
        self.peak_rss_mb, self.peak_processes = 0.0, 0
        self._running: list[subprocess.Popen[bytes]] = []
        self._over = threading.Event()

    def __enter__(self) -> Group:
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        while pids := self._alive():
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            for process in self._running:
                process.wait()

    def start(self, name: str, *command: object) -> subprocess.Popen[bytes]:
        """Start a process; its words go to ``NAME.log``."""
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._running.append(process)
        return process

    def run(self, name: str, *command: object) -> None:
        """Run a command to its end.

        Raises
        ------
        RuntimeError
            If it fails; with its words.
        """
        if self.start(name, *command).wait(WAIT_S) != 0:
            raise RuntimeError((self.folder / f"{name}.log").read_text())

    def _alive(self) -> list[int]:
        mark = f"{MARK}={self.folder}".encode()
        found: list[int] = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
        return found

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            pids = self._alive()
            _share_priority(pids)
            self.peak_rss_mb = max(self.peak_rss_mb, sum(map(rss_mb, pids)))
            self.peak_processes = max(self.peak_processes, len(pids))


def _share_priority(pids: list[int]) -> None:
    """Give sessions that the peers open the scheduling weight of this process' own, which a caller may have raised."""
    with suppress(OSError):
        mine = Path("/proc/self/autogroup").read_text().split()[-1]
        for pid in pids if mine != "0" else ():
            with suppress(OSError):
                Path(f"/proc/{pid}/autogroup").write_text(mine)


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process in MB; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


def loopback_bytes() -> int:
    """Return the bytes that went over ``lo`` of this network namespace."""
    line = next(line for line in Path("/proc/net/dev").read_text().splitlines() if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[8])


def listens(port: int) -> bool:
    """Whether somebody takes connections at this port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(what: str, condition: Callable[[], object], limit_s: float = WAIT_S) -> None:
    """Wait until it is true.

    Raises
    ------
    TimeoutError
        If it is not in time.
    """
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            msg = f"waited {limit_s:g} s in vain: {what}"
            raise TimeoutError(msg)
        time.sleep(0.1)


def summary(lines: Sequence[str], began: float) -> dict[str, float]:
    """Read lines ``UNIX_TIME LOOPBACK_BYTES``, one per round; the first, which also starts up, is left out."""
    rows = [line.split() for line in lines]
    times, counts = [float(row[0]) for row in rows], [int(row[1]) for row in rows]
    steps = sorted(later - earlier for earlier, later in itertools.pairwise(times))
    rounds = len(times) - 1
    return {
        "rounds": len(times),
        "seconds_per_round_median": round(steps[rounds // 2], 2),
        "seconds_per_round_max": round(steps[-1], 2),
        "start_up_s": round(times[0] - began, 1),
        "wire_mb_per_round": round((counts[-1] - counts[0]) / rounds / 1e6, 1),
    }
