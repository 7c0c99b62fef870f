"""A study's outcome as one table for a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from wsi_swarm.study.types import Verdict

HEAD = (
    *("scenario", "learner", "target", "nodes' mean", "best node", "merged", "basic", "weighted"),
    *("beats best", "reaches"),
)


def as_text(rows: pd.DataFrame, verdicts: Sequence[Verdict], metric: str) -> str:
    """Return one line per scenario, learner and target: mean metric by arm, and the weighted swarm's verdicts.

    Where a scenario has no weighted swarm, the verdicts are those of the basic one.
    """
    lines = [HEAD]
    for where, part in rows.groupby(["scenario", "learner", "target"], sort=False):
        means = part.groupby(["arm", "node"], sort=False, dropna=False)[metric].mean()
        nodes = means["local"] if "local" in means.index else None
        told = {one.against[:8]: one.outcome for one in verdicts if (one.scenario, one.learner, one.target) == where}
        lines.append(
            (
                *map(str, where),
                *(("", "") if nodes is None else (f"{nodes.mean():.3f}", f"{nodes.max():.3f}")),
                *(_mean(means, arm) for arm in ("merged", "swarm basic", "swarm weighted")),
                told.get("the best", ""),
                told.get("merged d", ""),
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _mean(means: pd.Series, arm: str) -> str:
    return f"{means[arm].mean():.3f}" if arm in means.index else ""
