"""The status, live: read anew every few seconds, deadlines counting down in between."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.live import Live
from rich.text import Text

from wsi_swarm.swarm.ledger.errors import LedgerError
from wsi_swarm.swarm.oversight.page import page
from wsi_swarm.swarm.oversight.status import as_json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from wsi_swarm.swarm.oversight.status import StatusReader

READ_S = 2.0
DRAW_S = 0.5


def watch_status(reader: StatusReader, console: Console, stop: threading.Event | None = None) -> None:
    """Draw the status until ``stop`` is set (or for ever).

    A chain node that does not answer is no reason to end: the last status stays, with how old it is.
    """
    stop = stop or threading.Event()
    told, read_at, trouble = as_json(reader.read()), time.monotonic(), ""
    with Live(console=console, auto_refresh=False, screen=console.is_terminal, vertical_overflow="crop") as live:
        while True:
            age = time.monotonic() - read_at
            if age >= READ_S:
                try:
                    told, read_at, trouble = as_json(reader.read()), time.monotonic(), ""
                except LedgerError as error:
                    trouble = str(error)
                age = time.monotonic() - read_at
            parts: list[RenderableType] = [page(told, since_s=age)]
            if trouble:
                parts.insert(0, Text(f"as it was {age:.0f} s ago: {trouble}", style="bold yellow"))
            live.update(Group(*parts), refresh=True)
            if stop.wait(DRAW_S):
                return
