"""What a person may ask of a run beyond its parameters: only the failed, all again, one part of the list."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.slides import SlideEntry


@dataclass(frozen=True)
class Shard:
    """Part ``index`` of ``count`` parts of the slide list, counted from 1."""

    index: int = 1
    count: int = 1

    def of(self, entries: Sequence[SlideEntry]) -> list[SlideEntry]:
        """Return this part; the parts are disjoint, together they are all, and they depend on the list alone."""
        return list(entries[self.index - 1 :: self.count])


def parse_shard(text: str | None) -> Shard:
    """Read "2/8"; None is the whole list.

    Raises
    ------
    ConfigError
        If it is not i/N with 1 <= i <= N.
    """
    if text is None:
        return Shard()
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        msg = f"--shard {text} is not i/N with i from 1 to N, such as 2/8 for the second of eight parts"
        raise ConfigError(msg)
    return Shard(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Control:
    """How a job's slides are chosen.

    Attributes
    ----------
    only_failed : work on no slide but those whose last attempt failed or was cut short.
    force : do again what is done.
    shard : part of the slide list.
    """

    only_failed: bool = False
    force: bool = False
    shard: Shard = Shard()

    def __post_init__(self) -> None:
        """Refuse contradictions."""
        if self.only_failed and self.force:
            msg = "--only-failed and --force contradict each other; give one of them"
            raise ConfigError(msg)


WHOLE_LIST = Control()
