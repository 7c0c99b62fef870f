"""All error families with their exit codes; see ``pipelines.errors`` for those of the lower rooms."""

from __future__ import annotations

from pipelines.errors import ConfigError, InputError, IntegrityError, PartialError, SetupError, WsiSwarmError

__all__ = [
    "ConfigError",
    "InputError",
    "IntegrityError",
    "PartialError",
    "SetupError",
    "SwarmError",
    "WsiSwarmError",
]


class SwarmError(WsiSwarmError):
    """The chain or the peers do not let the run go on."""

    exit_code = 7
