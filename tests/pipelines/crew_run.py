"""A run on several processes of which some die; see ``test_engine_crew.py``.

``crew_run.py SLIDES JOB MODE``, the devices being "cpu,cpu":

    poison      whoever encodes a tile of the slide "b" is killed by the system, also when it is tried again
    once        the first that encodes a tile of "b" is killed; the second time it goes well
    never       each worker dies before it has begun
    hold        each worker says "held" in a file at its first batch and waits
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import torch
from conftest import SmallEncoder

from pipelines.errors import WsiSwarmError
from pipelines.extract import ExtractOptions, extract_on_devices


@dataclass(frozen=True)
class Make:
    """Makes the encoder in the worker."""

    mode: str
    marks: Path

    def __call__(self, device: str) -> SmallEncoder:
        torch.set_num_threads(1)
        if self.mode == "never":
            os._exit(9)
        return FragileEncoder(self.mode, self.marks)


class FragileEncoder(SmallEncoder):
    """Dies of the slide whose tiles are 96 px."""

    def __init__(self, mode: str, marks: Path) -> None:
        super().__init__()
        self._mode, self._marks = mode, marks

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        fatal = tiles.shape[1] == 96
        if (self._mode == "poison" and fatal) or (self._mode == "once" and fatal and self._first("died")):
            os.kill(os.getpid(), signal.SIGKILL)
        if self._mode == "hold":
            (self._marks / f"held-{os.getpid()}").touch()
            signal.pause()
        return super().transform(tiles)

    def _first(self, what: str) -> bool:
        try:
            (self._marks / what).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True


if __name__ == "__main__":
    # A shell's background job, as a CI's may be, begins with interrupts ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    slides, job, mode = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    try:
        summary = extract_on_devices(slides, job, Make(mode, job.parent), ["cpu", "cpu"], ExtractOptions(4, 1))
    except WsiSwarmError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(summary.markdown())
