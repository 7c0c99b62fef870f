"""Waiting for real processes."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 90.0
_T = TypeVar("_T")


def until(what: str, condition: Callable[[], _T | None], wait_s: float = WAIT_S) -> _T:
    """Return the condition's value as soon as it is true."""
    pause, end = threading.Event(), time.monotonic() + wait_s
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        pause.wait(0.05)
    msg = f"waited {wait_s:g} s in vain: {what}"
    raise AssertionError(msg)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
