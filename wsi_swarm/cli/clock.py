"""The date that pages and records state; it comes from here, so that the rooms below need no clock."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """Return the date and time in UTC, to the minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
