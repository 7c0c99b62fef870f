"""Targets: which label is positive, which negative, which missing; tolerant of spelling, strict about meaning."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable

POSITIVE_SPELLINGS = frozenset(
    {"msih", "msihigh", "dmmr", "mmrd", "mut", "mutated", "mutant", "mutation", "driver", "positive", "pos"}
    | {"1", "yes", "true"}
)
"""Spellings (see ``spelling``) that are taken as positive when the user names none."""

MISSING_SPELLINGS = frozenset(
    {"", "na", "nan", "none", "null", "unknown", "unk", "missing", "notavailable", "nd", "notdone", "notdetermined"}
    | {"notreported", "notapplicable", "notevaluable", "n/a", "n.a.", "n.d.", "?"}
)
"""Spellings that mean: this patient has no label for this target."""


@dataclass(frozen=True)
class Target:
    """One binary label.

    Attributes
    ----------
    name
        Column of the clinical table, for instance ``MSI``.
    positive
        The positive label as it is written there, for instance ``MSIH``.
    negative
        Every other label that was found, sorted.
    """

    name: str
    positive: str
    negative: tuple[str, ...]

    @property
    def column(self) -> str:
        """Name of the probability's column in prediction tables."""
        return f"{self.name}_{self.positive}"

    def label(self, value: str) -> int | None:
        """Return 1, 0, or None where ``value`` is missing."""
        if is_missing(value):
            return None
        return int(spelling(value) == spelling(self.positive))


def spelling(value: str) -> str:
    """Return what two spellings of one label share: ``MSI-H``, ``msi h`` and ``MSIH`` all give ``msih``."""
    return re.sub(r"[\s\-_\[\]()]", "", value).casefold()


def is_missing(value: str) -> bool:
    """Tell whether ``value`` says that the label is unknown."""
    return spelling(value) in MISSING_SPELLINGS


def resolve_target(name: str, values: Iterable[str], positive: str | None, where: str) -> Target:
    """Decide which of the labels found is positive.

    Parameters
    ----------
    name
        The target's column.
    values
        Every label found, in table order, missing ones included.
    positive
        The positive label by the user's choice: every other label is then negative. None: exactly two labels must be
        there and exactly one of them a well-known positive spelling.
    where
        The table, for error messages.

    Raises
    ------
    ConfigError
        If the positive label is ambiguous or a class has no patient.
    """
    found: dict[str, str] = {}
    for value in values:
        if not is_missing(value):
            found.setdefault(spelling(value), value)
    listed = ", ".join(repr(value) for value in sorted(found.values())) or "none"
    option = f"--positive {name}=LABEL"
    if positive is not None:
        if spelling(positive) not in found:
            msg = f"{where}: no patient has {positive!r} in column {name}; labels found: {listed}; correct {option}"
            raise ConfigError(msg)
        chosen = spelling(positive)
    else:
        known = [key for key in found if key in POSITIVE_SPELLINGS]
        if len(known) != 1 or len(found) > 2:
            msg = (
                f"{where}: which label of column {name} is positive can't be told from the labels found ({listed}); "
                f"name it with {option}, every other label is then negative"
            )
            raise ConfigError(msg)
        chosen = known[0]
    negative = tuple(sorted(value for key, value in found.items() if key != chosen))
    if not negative:
        msg = (
            f"{where}: every labelled patient is {found[chosen]!r} in column {name}, so nothing can be learnt or "
            "measured; add patients of the other class or leave the target out"
        )
        raise ConfigError(msg)
    return Target(name, found[chosen] if positive is None else positive, negative)


def parse_positive(options: Iterable[str]) -> dict[str, str]:
    """Read ``TARGET=LABEL`` options into a dictionary.

    Raises
    ------
    ConfigError
        If one has no ``=``, or a target is named twice.
    """
    positive: dict[str, str] = {}
    for option in options:
        name, sign, label = option.partition("=")
        name, label = name.strip(), label.strip()
        if not sign or not name or not label:
            msg = f"--positive {option!r} is not of the form TARGET=LABEL, for instance MSI=MSIH"
            raise ConfigError(msg)
        if name in positive:
            msg = f"--positive names {name} twice; keep one"
            raise ConfigError(msg)
        positive[name] = label
    return positive
