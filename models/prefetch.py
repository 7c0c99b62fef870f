"""The next mini-batch is read while the last one is learnt."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")

_WAIT_S = 0.1
"""How often a reader whose batches nobody takes any more looks whether it may end."""


def prefetched(items: Iterable[T], ahead: int = 1) -> Iterator[T]:
    """Yield ``items`` in their order, made in a thread that is at most ``ahead`` + 1 of them in front.

    What ``items`` raises is raised here, in its turn. The thread ends when the iterator is exhausted or closed.
    """
    ready: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(ahead)
    ended = threading.Event()

    def fill() -> None:
        try:
            for item in items:
                if not _put(ready, (True, item), ended.is_set):
                    return
        except Exception as error:  # noqa: BLE001 (raised again by the one who waits for the item)
            _put(ready, (False, error), ended.is_set)
        else:
            _put(ready, (False, None), ended.is_set)

    thread = threading.Thread(target=fill, name="prefetch", daemon=True)
    thread.start()
    try:
        while True:
            is_item, value = ready.get()
            if is_item:
                yield value  # type: ignore[misc]
            elif value is None:
                return
            else:
                raise value  # type: ignore[misc]
    finally:
        ended.set()
        thread.join()


def _put(ready: queue.Queue, item: object, ended: Callable[[], bool]) -> bool:
    while not ended():
        try:
            ready.put(item, timeout=_WAIT_S)
        except queue.Full:
            continue
        return True
    return False
