"""Blocking work beside the event loop."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar

from wsi_swarm.leaving import ABANDONABLE

if TYPE_CHECKING:
    from collections.abc import Callable

_T = TypeVar("_T")


async def in_thread(work: Callable[[], _T]) -> _T:
    """Run ``work`` in a thread that does not hold the process back when it ends: training may take an hour."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # pyright: ignore[reportArgumentType]

    def body() -> None:
        try:
            result, error = work(), None
        except BaseException as caught:  # noqa: BLE001 (handed over to the awaiting task, which raises it)
            result, error = None, caught
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=body, daemon=True, name=ABANDONABLE).start()
    return await future
