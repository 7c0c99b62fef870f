"""One progress line for long work: rate and ETA on stderr, so that stdout stays a result."""

from __future__ import annotations

import sys
from typing import TextIO

from tqdm import tqdm

_IN_A_LOG = "{desc}: {n_fmt} of {total_fmt} {unit}s, {rate_fmt}, {elapsed} gone, {remaining} left"


def say(sentence: str) -> None:
    """Put a line on stderr above the bar, if there is one."""
    tqdm.write(f"wsi-swarm: {sentence}", file=sys.stderr)


def progress(total: int | None, what: str, unit: str) -> tqdm:
    """Return a progress bar on stderr; without a terminal, in a log, it prints a line of words every 10 s at most."""
    if sys.stderr.isatty():
        return tqdm(total=total, desc=what, unit=unit, file=sys.stderr, dynamic_ncols=True)
    lines = _Lines(sys.stderr)
    return tqdm(total=total, desc=what, unit=unit, file=lines, mininterval=10.0, bar_format=_IN_A_LOG)


class _Lines:
    """Turns a bar that is drawn over and over on one line into lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._last = stream, ""

    def write(self, text: str) -> None:
        """Write a line; one that is empty or as the last one is not repeated."""
        line = text.strip("\r\n ")
        if line and line != self._last:
            self._last = line
            self._stream.write(line + "\n")

    def flush(self) -> None:
        """Flush the stream."""
        self._stream.flush()
