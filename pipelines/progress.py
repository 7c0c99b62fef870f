"""One progress line for long work: rate and ETA on stderr, so that stdout stays a result."""

from __future__ import annotations

import sys

from tqdm import tqdm


def say(sentence: str) -> None:
    """Put a line on stderr above the bar, if there is one."""
    tqdm.write(f"wsi-swarm: {sentence}", file=sys.stderr)


def progress(total: int | None, what: str, unit: str) -> tqdm:
    """Return a progress bar on stderr; without a terminal it prints a line every 10 s at most."""
    on_terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=unit,
        file=sys.stderr,
        mininterval=0.1 if on_terminal else 10.0,
        dynamic_ncols=on_terminal,
        leave=True,
    )
