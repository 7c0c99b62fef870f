"""One worker per slide: an O_EXCL file with host, pid and heartbeat; the dead are inherited, the living respected."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import socket
import threading
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.files import write_json
from pipelines.job.records import read_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

HEARTBEAT_S = 15.0
STALE_AFTER_S = 120.0
_LARGEST_CLOCK_DIFFERENCE_S = 86400.0
"""A heartbeat further in the future is no clock that goes wrong, but no heartbeat."""


class SlideLock:
    """A held lock; made by ``acquire``."""

    def __init__(self, path: Path, content: dict[str, object]) -> None:
        self._path = path
        self._content = content

    def beat(self, now: float) -> None:
        """Say that the holder lives, unless another has inherited the lock meanwhile."""
        with door(self._path.parent):
            if self.held():
                self._content["heartbeat"] = now
                write_json(self._path, self._content)

    def held(self) -> bool:
        """Return whether the lock is still this holder's."""
        return read_json(self._path).get("token") == self._content["token"]

    def release(self) -> None:
        """Give the lock back."""
        with door(self._path.parent):
            if self.held():
                self._path.unlink()


def acquire(path: Path, clock: Callable[[], float], stale_after_s: float = STALE_AFTER_S) -> SlideLock | None:
    """Take the lock at ``path``, or return None while a living worker holds it.

    A holder is dead when its process is gone (on this host) or its heartbeat is older than ``stale_after_s``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    content: dict[str, object] = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "pids": _pid_space(),
        "token": secrets.token_hex(8),
        "heartbeat": clock(),
    }
    while True:
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            if _inherit(path, content, clock, stale_after_s):
                return SlideLock(path, content)
            if path.exists():
                return None
            continue  # its holder gave it back just now
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(content, file)
        except OSError:
            path.unlink()  # a full disk: an empty lock would keep the slide from others for minutes
            raise
        return SlideLock(path, content)


def is_busy(path: Path, clock: Callable[[], float], stale_after_s: float = STALE_AFTER_S) -> bool:
    """Return whether a living worker holds the lock at ``path``, without touching it."""
    return path.exists() and not _is_dead(path, clock(), stale_after_s)


def held_by(path: Path, host: str, pid: int) -> bool:
    """Return whether this process holds or held the lock."""
    content = read_json(path)
    return (content.get("host"), content.get("pid")) == (host, pid)


def holder(path: Path) -> str:
    """Return who holds the lock, for a message."""
    content = read_json(path)
    return f"process {content.get('pid', '?')} on {content.get('host', '?')}"


def _inherit(path: Path, content: dict[str, object], clock: Callable[[], float], stale_after_s: float) -> bool:
    with door(path.parent):
        if not path.exists() or not _is_dead(path, clock(), stale_after_s):
            return False
        write_json(path, content)
    return True


@contextmanager
def door(folder: Path) -> Iterator[None]:
    """Enter alone: what is written inside is not written by another process of any host at the same time."""
    # Two heirs must not both win, nor a holder who was taken for dead write over his heir: they queue at a lock of
    # the kernel, which it opens by itself when one of them dies.
    with (folder / ".door").open("a", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _is_dead(path: Path, now: float, stale_after_s: float) -> bool:
    content = read_json(path)
    heartbeat = content.get("heartbeat")
    if not isinstance(heartbeat, int | float) or not heartbeat < now + _LARGEST_CLOCK_DIFFERENCE_S:
        # Created but not yet filled in, cut short by a crash, or damaged: its age on disk tells.
        try:
            return now - path.stat().st_mtime > stale_after_s
        except FileNotFoundError:
            return False  # given back meanwhile
    here = content.get("host") == socket.gethostname() and content.get("pids", _pid_space()) == _pid_space()
    gone = here and not _runs(content.get("pid"))
    return gone or now - heartbeat > stale_after_s


def _runs(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return not Path("/proc/self").exists()  # gone meanwhile; or a system without /proc, where kill has told
    # A killed process whose parent has not looked yet still has its number, but does no more work.
    return state != "Z"


def _pid_space() -> str:
    # Two containers of one host may share its name and still number their processes each from 1.
    try:
        return str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        return ""


class Heartbeat:
    """Beats for a set of locks from a thread of its own while it is entered."""

    def __init__(self, clock: Callable[[], float], every_s: float = HEARTBEAT_S) -> None:
        self._clock = clock
        self._every_s = every_s
        self._locks: set[SlideLock] = set()
        self._guard = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lock heartbeat", daemon=True)

    def add(self, lock: SlideLock) -> None:
        """Beat for ``lock`` from now on."""
        with self._guard:
            self._locks.add(lock)

    def release(self, lock: SlideLock) -> None:
        """Stop beating for ``lock`` and give it back."""
        with self._guard:
            self._locks.discard(lock)
            lock.release()

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        self._thread.join()
        for lock in list(self._locks):
            self.release(lock)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with self._guard:
                for lock in self._locks:
                    # A hiccup of a network file system must not end the heartbeat for good.
                    with suppress(OSError):
                        lock.beat(self._clock())
