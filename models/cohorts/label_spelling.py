"""Which labels may be one label: by what people mean with them, or by a slip of the finger."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import Counter

MEANINGS = (
    frozenset({"msih", "msihigh", "highmsi", "dmmr", "mmrd", "mmrdeficient", "deficientmmr", "msi"}),
    frozenset({"mss", "nonmsih", "nonmsihigh", "pmmr", "mmrp", "mmrproficient", "proficientmmr", "stable", "nonmsi"}),
    frozenset({"msil", "msilow", "lowmsi"}),
    frozenset({"mut", "mutated", "mutant", "mutation", "mt"}),
    frozenset({"wt", "wildtype", "nonmutated", "notmutated", "unmutated", "nomutation"}),
    frozenset({"driver", "drivermutation"}),
    frozenset({"nodriver", "nondriver", "nodrivermutation"}),
    frozenset({"positive", "pos", "+"}),
    frozenset({"negative", "neg"}),
    frozenset({"1", "1.0", "yes", "true", "y", "t"}),
    frozenset({"0", "0.0", "no", "false", "n", "f"}),
)
"""Spellings, as ``models.targets.spelling`` reduces them, that people use for one and the same result."""

UNDECIDED = frozenset(
    {"nottested", "untested", "pending", "inconclusive", "equivocal", "indeterminate", "failed", "tbd", "n.e.", "."}
    | {"invalid", "insufficient", "notassessed", "notassessable", "ambiguous", "uncertain", "x", "??", "empty"}
)
"""Spellings that look like labels and say that there is none."""

_RARE = 0.1
_NEGATIONS = ("n", "a", "p", "d", "u")


def meaning(label: str) -> str:
    """Return what labels of one meaning share: the first of their set, or the label itself."""
    return next((min(same) for same in MEANINGS if label in same), label)


def same_meaning(counts: Counter[str]) -> dict[str, str]:
    """Return, for labels that probably mean the same as a more frequent one, that one."""
    usual: dict[str, str] = {}
    pairs = {}
    for label, _ in counts.most_common():
        first = usual.setdefault(meaning(label), label)
        if first != label:
            pairs[label] = first
    return pairs


def slips(counts: Counter[str]) -> dict[str, str]:
    """Return, for rare labels that are one slip away from a frequent one, that one."""
    known = frozenset().union(*MEANINGS, UNDECIDED)
    pairs = {}
    for rare in counts.keys() - known:
        for common, count in counts.most_common():
            if counts[rare] < count and counts[rare] <= max(1, _RARE * count) and one_slip(rare, common):
                pairs[rare] = common
                break
    return pairs


def one_slip(rare: str, common: str) -> bool:
    """Tell whether two spellings differ by a letter doubled, lost, added, replaced or swapped with its neighbour.

    What can change the meaning is no slip: a digit, a letter put before the word, or another last letter, which often
    is the label itself (MSI-H and MSI-L, stage IIa and IIb).
    """
    short, long = sorted((rare, common), key=len)
    if len(short) < 3 or any(c.isdigit() for c in rare + common):
        return False
    if len(short) == len(long):
        apart = [at for at in range(len(short)) if short[at] != long[at]]
        if len(apart) == 2 and apart[1] == apart[0] + 1:
            return short[apart[0]] == long[apart[1]] and short[apart[1]] == long[apart[0]]
        return len(apart) == 1 and len(short) >= 5 and apart[0] < len(short) - 1
    if len(long) - len(short) != 1 or any(long == negation + short for negation in _NEGATIONS):
        return False
    return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
