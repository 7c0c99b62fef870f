"""The merge rules by name, and what they have in common.

A rule is a pure function in exact integers (or in float operations that IEEE 754 rounds correctly, value by value), so
that every member computes the identical result, whatever the order of the updates, the threads or the processor.
"""

from __future__ import annotations

from dataclasses import MISSING, asdict, fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.merge.adam import Adam
from wsi_swarm.swarm.merge.centred_clipping import CentredClipping
from wsi_swarm.swarm.merge.mean import Mean
from wsi_swarm.swarm.merge.median import Median
from wsi_swarm.swarm.merge.momentum import Momentum
from wsi_swarm.swarm.merge.multi_krum import MultiKrum
from wsi_swarm.swarm.merge.trimmed_mean import TrimmedMean
from wsi_swarm.swarm.state.encoding import Values

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.swarm.merge.contribution import Contribution
    from wsi_swarm.swarm.state.encoding import FixedState

Memory = dict[str, Values]
"""What a rule keeps from round to round, by name: int32, each of the model's length; part of the agreed state."""


class Rule(Protocol):
    """A merge rule with its parameters (the fields of a frozen dataclass).

    Attributes
    ----------
    name
        As in ``[merge] rule``.
    memory
        Names of what it keeps from round to round.
    robust
        Whether it bounds what faulty members can do; such a rule knows no weights.
    """

    name: ClassVar[str]
    memory: ClassVar[tuple[str, ...]]
    robust: ClassVar[bool]

    @property
    def fewest(self) -> int:
        """Fewest contributions for which the rule holds what it promises."""
        ...

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model and the new memory.

        Parameters
        ----------
        model
            The base model.
        contributions
            Checked and sorted by member (see ``contribution.ordered``), at least ``fewest``.
        memory
            Each name of ``self.memory``; zeros in the first round.
        """
        ...


RULES: dict[str, type[Any]] = {
    rule.name: rule for rule in (Mean, Momentum, Adam, Median, TrimmedMean, MultiKrum, CentredClipping)
}


def rule_from(entries: Mapping[str, object]) -> Rule:
    """Make a rule of the entries of ``[merge]``: ``rule`` and what that rule takes.

    Raises
    ------
    ConfigError
        If the rule or an entry is unknown, an entry is missing, or a value is not one that the rule takes.
    """
    values = {"rule": "mean", **entries}
    name = values.pop("rule")
    if not isinstance(name, str) or name not in RULES:
        msg = f"there is no merge rule {name!r}; choose one of {', '.join(RULES)}"
        raise ConfigError(msg)
    rule = RULES[name]
    known = {field.name: field for field in fields(rule)}
    unknown = sorted(values.keys() - known)
    if unknown:
        takes = f"takes {', '.join(known)}" if known else "takes nothing"
        msg = f"the merge rule '{name}' does not know {', '.join(unknown)}; it {takes}"
        raise ConfigError(msg)
    missing = [key for key, field in known.items() if field.default is MISSING and key not in values]
    if missing:
        msg = f"the merge rule '{name}' needs {', '.join(missing)} in [merge]"
        raise ConfigError(msg)
    return rule(
        **{key: _number(value, known[key].type, f"{key} of the merge rule '{name}'") for key, value in values.items()}
    )


def entries_of(rule: Rule) -> dict[str, int | float | str]:
    """Return all entries of ``[merge]`` that make this rule, defaults spelled out."""
    return {"rule": rule.name, **asdict(rule)}  # pyright: ignore[reportArgumentType] (each rule is a dataclass)


def _number(value: object, kind: Any, what: str) -> float:
    whole = kind == "int"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or abs(value) >= 2**63:
        msg = f"{what} is {value!r} and must be a {'whole ' * whole}number"
        raise ConfigError(msg)
    return value if whole else float(value)  # 1 and 1.0 are one meaning and get one hash
