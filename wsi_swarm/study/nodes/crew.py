"""Other processes of this program that belong together: started, watched, and all stopped whatever happens."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.errors import SwarmError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import FrameType, TracebackType

POLL_S = 0.1
GRACE_S = 10.0
"""How long a process may take to stop by itself before it is killed."""
TAIL_LINES = 15


@dataclass(frozen=True)
class Worker:
    """A running process and its log."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def tail(self) -> str:
        """Return the end of the log."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-TAIL_LINES:]) or "    (it wrote nothing)"


class Crew:
    """Starts ``wsi-swarm`` commands as processes of their own; leaving the context stops every one of them.

    A termination signal to this process counts as an interrupt, so that nothing is left behind by it either.

    Parameters
    ----------
    logs : folder for one log per process.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._workers: list[Worker] = []
        self._previous: Any = None

    def __enter__(self) -> Crew:
        self._logs.mkdir(parents=True, exist_ok=True)
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGTERM, _interrupt)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._previous is not None:
            signal.signal(signal.SIGTERM, self._previous)

    def start(self, name: str, arguments: Sequence[str], folder: Path) -> Worker:
        """Start ``wsi-swarm ARGUMENTS`` in ``folder``; its output goes to ``<logs>/<name>.log``."""
        log = self._logs / f"{name}.log"
        with log.open("ab") as handle:
            process = subprocess.Popen(
                _command(arguments),
                cwd=folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=subprocess.STDOUT,
                # Its own session: an interrupt at the terminal reaches this process first, which then stops the others.
                start_new_session=True,
            )
        worker = Worker(name, process, log)
        self._workers.append(worker)
        return worker

    def run(self, arguments: Sequence[str], folder: Path) -> str:
        """Run ``wsi-swarm ARGUMENTS`` in ``folder`` to its end and return what it printed.

        Raises
        ------
        SwarmError
            If it fails; with what it said.
        """
        done = subprocess.run(
            _command(arguments),
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-TAIL_LINES:]
            msg = f"`wsi-swarm {' '.join(arguments)}` in {folder} ended with {done.returncode}: {' '.join(said)}"
            raise SwarmError(msg)
        return done.stdout.decode()

    def wait_for_file(self, path: Path, timeout_s: float) -> None:
        """Wait until a file is there.

        Raises
        ------
        SwarmError
            If a process ends before, or the time is up.
        """
        self._wait(path.is_file, f"{path} is written", timeout_s, may_end=())

    def wait_for_end(self, workers: Sequence[Worker], timeout_s: float, on_look: Callable[[], None]) -> None:
        """Wait until all of these have ended well; ``on_look`` is called at each look.

        Raises
        ------
        SwarmError
            If one of the crew fails, another one ends, or the time is up.
        """

        def over() -> bool:
            on_look()
            return all(worker.process.poll() == 0 for worker in workers)

        names = ", ".join(worker.name for worker in workers)
        self._wait(over, f"{names} are done", timeout_s, may_end=workers)

    def stop(self) -> None:
        """Ask all to stop, and kill who does not."""
        running = [worker for worker in reversed(self._workers) if worker.process.poll() is None]
        for worker in running:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for worker in running:
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()

    def _wait(self, done: Callable[[], bool], what: str, timeout_s: float, may_end: Sequence[Worker]) -> None:
        deadline = time.monotonic() + timeout_s
        while not done():
            for worker in self._workers:
                code = worker.process.poll()
                if code is not None and (code != 0 or worker not in may_end):
                    msg = f"{worker.name} ended with {code} before {what}; the end of {worker.log}:\n{worker.tail()}"
                    raise SwarmError(msg)
            if time.monotonic() > deadline:
                tails = "\n".join(f"  {worker.log}:\n{worker.tail()}" for worker in self._workers)
                msg = f"waited {timeout_s:g} s until {what}, in vain; the ends of the logs:\n{tails}"
                raise SwarmError(msg)
            time.sleep(POLL_S)


def free_port() -> int:
    """Return a port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "wsi_swarm.cli.main", *arguments]


def _environment() -> dict[str, str]:
    """Return this environment without settings meant for this command, and with one thread for each process."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WSI_SWARM_")}
    return {**kept, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
