"""One line of a diagnosis."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable

Status = Literal["PASS", "WARN", "FAIL", "SKIP"]


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes
    ----------
    area, check : what was examined.
    status : PASS; WARN, if something is slower or less than it could be; FAIL, if a command would not work; SKIP, if
        there was nothing to examine.
    found : what is the case.
    remedy : how to mend it; empty where nothing is to be mended.
    seconds : what the check took.
    """

    area: str
    check: str
    status: Status
    found: str
    remedy: str = ""
    seconds: float = 0.0


def examine(area: str, check: str, remedy: str, work: Callable[[], Finding | str]) -> Finding:
    """Run a check; what it returns as text is a PASS, and whatever it raises is a FAIL with this remedy."""
    begun = time.monotonic()
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever a broken installation raises is the finding
        text = str(error).strip().splitlines()
        result = Finding(area, check, "FAIL", f"{type(error).__name__}: {text[0] if text else 'no message'}", remedy)
    finding = Finding(area, check, "PASS", result) if isinstance(result, str) else result
    return replace(finding, seconds=round(time.monotonic() - begun, 3))
