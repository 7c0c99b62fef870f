from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from pipelines.job.locks import STALE_AFTER_S, Heartbeat, acquire, holder

if TYPE_CHECKING:
    from pathlib import Path

HERE = socket.gethostname()


def clock() -> float:
    return 1000.0


def leave(path: Path, host: str, pid: int, heartbeat: float) -> None:
    path.write_text(json.dumps({"host": host, "pid": pid, "heartbeat": heartbeat, "token": "theirs"}))


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_one_at_a_time_and_free_after_release(tmp_path: Path) -> None:
    path = tmp_path / "s.lock"
    lock = acquire(path, clock)
    assert lock is not None
    assert acquire(path, clock) is None
    assert holder(path) == f"process {os.getpid()} on {HERE}"
    lock.release()
    assert not path.exists()
    assert acquire(path, clock) is not None


def test_a_dead_process_of_this_host_is_inherited_at_once(tmp_path: Path, dead_pid: int) -> None:
    path = tmp_path / "s.lock"
    leave(path, HERE, dead_pid, clock())
    assert acquire(path, clock) is not None


def test_a_killed_child_nobody_has_looked_after_is_dead(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path = tmp_path / "s.lock"
    leave(path, HERE, process.pid, clock())
    assert acquire(path, clock) is None
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert acquire(path, clock) is not None
    process.communicate()


def test_another_host_counts_as_living_until_its_heartbeat_is_old(tmp_path: Path, dead_pid: int) -> None:
    path = tmp_path / "s.lock"
    leave(path, "elsewhere", dead_pid, clock() - STALE_AFTER_S + 1)
    assert acquire(path, clock) is None
    leave(path, "elsewhere", dead_pid, clock() - STALE_AFTER_S - 1)
    assert acquire(path, clock) is not None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"heartbeat": "soon"}'])
def test_a_lock_without_a_heartbeat_is_judged_by_its_age(tmp_path: Path, content: str) -> None:
    path = tmp_path / "s.lock"
    path.write_text(content)
    os.utime(path, (clock(), clock()))
    assert acquire(path, lambda: clock() + 5) is None
    assert acquire(path, lambda: clock() + STALE_AFTER_S + 5) is not None


def test_of_many_heirs_one_wins(tmp_path: Path, dead_pid: int) -> None:
    path = tmp_path / "s.lock"
    for _ in range(20):
        leave(path, HERE, dead_pid, clock())
        start = threading.Barrier(8)

        def try_it(start: threading.Barrier = start) -> bool:
            start.wait()
            return acquire(path, clock) is not None

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(lambda _: try_it(), range(8))) == 1


def test_who_was_taken_for_dead_neither_beats_nor_frees_the_heirs_lock(tmp_path: Path) -> None:
    path = tmp_path / "s.lock"
    slow = acquire(path, clock)
    heir = acquire(path, lambda: clock() + STALE_AFTER_S + 1)
    assert slow is not None
    assert heir is not None
    slow.beat(clock() + 1)
    slow.release()
    assert not slow.held()
    assert heir.held()


def test_the_heartbeat_keeps_a_lock_alive_and_frees_it_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "s.lock"
    beaten = threading.Event()
    times = iter(range(1000, 10**9))

    def ticking() -> float:
        now = next(times)
        if now > 1003:
            beaten.set()
        return float(now)

    with Heartbeat(ticking, every_s=0.001) as heartbeat:
        lock = acquire(path, ticking)
        assert lock is not None
        heartbeat.add(lock)
        assert beaten.wait(10)
        heartbeat.release(lock)
        assert not path.exists()
        other = acquire(path, ticking)
        assert other is not None
        heartbeat.add(other)
    assert not path.exists()
