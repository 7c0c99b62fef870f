"""Error families of the lower rooms. Each carries the exit code that the command line returns.

A message is one sentence that says what is wrong, where (file, row, column) and how to mend it.
The families of the swarm stand in ``wsi_swarm.errors``, which re-exports these.
"""

from __future__ import annotations


class WsiSwarmError(Exception):
    """Base of every error that a user can mend."""

    exit_code: int = 1

    def __str__(self) -> str:
        """Return the message without the control characters that libraries quote from damaged files."""
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in super().__str__()).strip()


class ConfigError(WsiSwarmError):
    """A configuration, table or option value is invalid."""

    exit_code = 3


class InputError(WsiSwarmError):
    """A slide, feature file or model is missing or unreadable."""

    exit_code = 4

    def __str__(self) -> str:
        """Return the message on one line, whatever a library quotes from a damaged file."""
        return super().__str__().replace("\n", " ")


class PartialError(WsiSwarmError):
    """The run finished, but some slides failed; each is named in its state file."""

    exit_code = 5


class SetupError(WsiSwarmError):
    """The environment lacks something (a device, a library, a port)."""

    exit_code = 6


class IntegrityError(WsiSwarmError):
    """Something does not hash, sign or re-derive to what was promised, or tells what it must hide."""

    exit_code = 8
