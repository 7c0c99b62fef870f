"""One process per device of this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import threading
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from pipelines.engine.crew import WorkerDied
from pipelines.engine.extraction import Relay, work_through
from pipelines.engine.reading import ThreadReader
from pipelines.errors import ConfigError, SetupError, WsiSwarmError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from pipelines.engine.extraction import Listener
    from pipelines.engine.work_order import WorkOrder
    from pipelines.slides import SlideEntry

_SPAWN = multiprocessing.get_context("spawn")  # CUDA does not survive a fork


def parse_devices(text: str) -> list[str]:
    """Read ``--device``: one device, several with commas between, or "all" for every CUDA device.

    Raises
    ------
    ConfigError
        If one is empty.
    SetupError
        If all are asked for and there is none.
    """
    if text.strip() == "all":
        import torch

        if not torch.cuda.device_count():
            msg = "--device all means every CUDA device, and there is none here; use --device cpu"
            raise SetupError(msg)
        return [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    devices = [part.strip() for part in text.split(",")]
    if not all(devices):
        msg = f"--device {text!r} names an empty device; write them as cuda:0,cuda:1"
        raise ConfigError(msg)
    return devices


class DeviceWorker:
    """A process that encodes on one device; see ``crew.Worker``.

    Parameters
    ----------
    order : what is to be done.
    device : where.
    share : number of workers that compute on this machine's CPU; each takes its part of the cores.
    """

    def __init__(self, order: WorkOrder, device: str, share: int) -> None:
        self.name = device
        self._order, self._share = order, share
        self._process: BaseProcess | None = None
        self._stopped = False

    def run(self, entries: Sequence[SlideEntry], alone: bool, listener: Listener) -> str:
        """Start the process and listen to it until it ends."""
        receive, send = _SPAWN.Pipe(duplex=False)
        process = _SPAWN.Process(
            target=_work, args=(send, self._order, self.name, self._share, list(entries), alone), daemon=True
        )
        process.start()
        self._process = process
        if self._stopped:
            process.terminate()
        send.close()  # so that the end of the process is the end of the pipe
        who: tuple[str, str, int] = ("", "", 0)
        ended = False
        error: WsiSwarmError | None = None
        while True:
            try:
                kind, *what = receive.recv()
            except (EOFError, OSError):
                break
            if kind == "hello":
                who = tuple(what)
            elif kind == "error":
                error = what[0](what[1])
            elif kind == "end":
                ended = True
            else:
                getattr(listener, kind)(*what)
        process.join()
        if error is not None:
            raise error
        if not ended:
            raise WorkerDied(_how(process.exitcode), *who)
        return who[0]

    def ask_to_end(self) -> None:
        """Send SIGTERM, which lets it give its locks back."""
        self._stopped = True
        if self._process is not None and self._process.is_alive():
            self._process.terminate()

    def end(self, within_s: float) -> None:
        """Send SIGKILL if it still runs after ``within_s``."""
        if self._process is not None and not wait([self._process.sentinel], within_s):
            self._process.kill()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {-code}, {signal.Signals(-code).name}"
    return f"exit code {code}"


def _work(
    connection: Connection, order: WorkOrder, device: str, share: int, entries: list[SlideEntry], alone: bool
) -> None:
    # Ctrl-C reaches every process of the terminal; the one that was started by a person decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    guard = threading.Lock()

    def send(*message: Any) -> None:
        with guard:
            connection.send(message)

    try:
        if device == "cpu" and share > 1:
            import torch

            torch.set_num_threads(max(1, (os.cpu_count() or 1) // share))
        recipe = order.recipe(device)
        send("hello", recipe.stage, socket.gethostname(), os.getpid())
        with order.job(alone) as job:
            work_through(recipe, job, entries, lambda: ThreadReader(order.options.workers), Relay(send))
    except WsiSwarmError as error:
        send("error", type(error), str(error))
    send("end")


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
