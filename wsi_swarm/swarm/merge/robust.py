"""What rules that bear liars have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from wsi_swarm.errors import ConfigError


@dataclass(frozen=True)
class Robust:
    """A rule that bounds what ``faulty`` members can do; it knows no weights and remembers nothing.

    Attributes
    ----------
    faulty
        Members that may lie.
    """

    faulty: int = 1

    memory: ClassVar[tuple[str, ...]] = ()
    robust: ClassVar[bool] = True
    beyond: ClassVar[int] = 1
    """Members needed beside twice the faulty ones."""

    def __post_init__(self) -> None:
        if not 0 <= self.faulty <= 127:
            msg = f"faulty ({self.faulty}) must lie in 0..127"
            raise ConfigError(msg)

    @property
    def fewest(self) -> int:
        """Twice the faulty ones, and ``beyond``."""
        return 2 * self.faulty + self.beyond
