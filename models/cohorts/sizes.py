"""Classes that are empty, or too small to train or test on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.cohorts.finding import Finding, Severity, counted

if TYPE_CHECKING:
    from pathlib import Path

    from models.targets import Target

SMALL_CLASS = 10
"""Fewer patients than this are called too few: five folds would test on one or two of them each."""
EXAMPLE_AUROC = 0.8


def empty_classes(target: Target, counts: tuple[int, int], file: Path, who: str = "with features") -> list[Finding]:
    """Find a class without any patient: an error.

    Parameters
    ----------
    target
        Its classes.
    counts
        Patients of the positive and of the negative class that can be used.
    file
        The clinical table.
    who
        Which patients were counted.
    """
    found = []
    for label, count in _classes(target, counts):
        if count == 0:
            what = f"no patient {who} is {label} in column {target.name}"
            remedy = "add such patients or leave the target out"
            found.append(Finding(Severity.ERROR, "class empty", file, what, remedy, column=target.name))
    return found


def small_classes(target: Target, counts: tuple[int, int], file: Path, who: str = "with features") -> list[Finding]:
    """Find a class with fewer than ``SMALL_CLASS`` patients: a warning. Parameters as for ``empty_classes``."""
    from models.evaluation.auroc import newcombe_interval  # scikit-learn, for which a loader need not wait

    if min(counts) == 0 or min(counts) >= SMALL_CLASS:
        return []
    low, high = newcombe_interval(EXAMPLE_AUROC, *counts)
    remedy = (
        f"add such patients: with {counts[0]} and {counts[1]} even a measured AUROC of {EXAMPLE_AUROC:.2f} would "
        f"have the interval {low:.2f} to {high:.2f}"
    )
    found = []
    for label, count in _classes(target, counts):
        if count < SMALL_CLASS:
            what = f"only {counted(count, 'patient')} {who} {'are' if count != 1 else 'is'} {label}"
            found.append(Finding(Severity.WARNING, "class small", file, what, remedy, column=target.name))
    return found


def _classes(target: Target, counts: tuple[int, int]) -> list[tuple[str, int]]:
    return [(target.positive, counts[0]), (" or ".join(target.negative), counts[1])]
