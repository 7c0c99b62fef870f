"""How the process ends."""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

ABANDONABLE = "abandonable"
"""Name of threads that nobody waits for when the process ends: a step of training may take an hour."""


def leave(code: int) -> NoReturn:
    """End the process with an exit code, also while an abandonable thread works.

    Python's own end would stop that thread in the middle of torch, which aborts the process.
    """
    if any(thread.name == ABANDONABLE for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
