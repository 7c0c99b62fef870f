"""Tile and extract in processes that are killed; see ``test_kill.py`` and ``test_crew.py``.

``killed_run.py SLIDES JOB`` reads orders from stdin, one per line, and carries each out in a forked child, so that the
imports are paid once. The answer is one line per order: ``killed``, ``ended CODE``, or what the child printed.

    event N       kill -9 at the N-th file operation in the job folder (0: never; prints their number)
    after S       kill -9 after S seconds
    hold N        the encoder says "held" at its N-th batch and waits until it is killed by ``kill``
    log FILE      run to the end; the encoder writes the sha256 of each tile that it is given to FILE
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from conftest import SmallEncoder

from pipelines.extract import ExtractOptions, extract_slides
from pipelines.tile import TileOptions, tile_slides

EVENTS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.link", "os.truncate"})


class WatchedEncoder(SmallEncoder):
    """Stops at one batch, in the middle of a slide, or writes down what it is given."""

    def __init__(self, hold_at: int = -1, log: Path | None = None) -> None:
        super().__init__()
        self._hold_at, self._log = hold_at, log

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        if self._log is not None:
            with self._log.open("a") as log:
                for tile in tiles.numpy():
                    if tile.any():  # the last batch is filled up with black
                        log.write(hashlib.sha256(tile.tobytes()).hexdigest() + "\n")
        return super().transform(tiles)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        if len(self.batches) == self._hold_at:
            print("held", flush=True)
            signal.pause()
        return super().__call__(batch)


def work(slides: Path, job: Path, order: str, value: str) -> None:
    events = [0]

    def count(event: str, arguments: tuple[object, ...]) -> None:
        if event in EVENTS and str(job) in str(arguments[0]):
            events[0] += 1
            if events[0] == int(value):
                os.kill(os.getpid(), signal.SIGKILL)

    encoder = WatchedEncoder(int(value) if order == "hold" else -1, Path(value) if order == "log" else None)
    if order == "event":
        sys.addaudithook(count)
    tile_slides(slides, job, TileOptions(tile_px=112)).check()
    extract_slides(slides, job, encoder, ExtractOptions(batch_size=4, workers=2)).check()
    if order == "event" and not int(value):
        print(events[0], flush=True)


def serve(slides: Path, job: Path) -> None:
    job.parent.mkdir(exist_ok=True)
    torch.set_num_threads(1)  # two of these share two cores
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        order, _, value = line.strip().partition(" ")
        child = os.fork()
        if not child:
            sys.stderr = (job.parent / "errors.txt").open("a")
            try:
                work(slides, job, order, value)
            finally:
                sys.stderr.flush()
                os._exit(0 if sys.exc_info()[0] is None else 1)
        if order == "hold":
            sys.stdin.readline()
            os.kill(child, signal.SIGKILL)
        elif order == "after" and signal.sigtimedwait({signal.SIGCHLD}, float(value)) is None:
            os.kill(child, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print("killed" if code == -signal.SIGKILL else f"ended {code}", flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), Path(sys.argv[2]))
