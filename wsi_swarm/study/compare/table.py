"""The one table that a comparison ends in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluation.auroc import Auroc
    from wsi_swarm.study.compare.comparison import Row


def interval(auroc: Auroc) -> str:
    """Return ``0.91 [0.80, 0.97]``."""
    return f"{auroc.value:.2f} [{auroc.low:.2f}, {auroc.high:.2f}]"


def cells(rows: Sequence[Row]) -> list[list[str]]:
    """Return header and rows as text."""
    if not rows:
        return []
    targets = list(rows[0].aurocs)
    sizes = [f"{t} (n = {a.n_pos} + {a.n_neg})" for t, a in rows[0].aurocs.items()]
    return [
        ["model", "patients", *sizes],
        *([row.name, str(row.trained_on), *(interval(row.aurocs[target]) for target in targets)] for row in rows),
    ]


def as_text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal: columns aligned, no lines."""
    table = cells(rows)
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))] if table else []
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in table
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table in Markdown."""
    table = cells(rows)
    lines = ["| " + " | ".join(line) + " |" for line in table]
    return "\n".join([*lines[:1], "|" + "---|" * len(table[0]), *lines[1:]]) if table else ""


def as_json(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the table as JSON values."""
    return [
        {
            "model": row.name,
            "patients": row.trained_on,
            "auroc": {
                target: {
                    "value": round(auroc.value, 6),
                    "low": round(auroc.low, 6),
                    "high": round(auroc.high, 6),
                    "n_pos": auroc.n_pos,
                    "n_neg": auroc.n_neg,
                    "method": auroc.method,
                }
                for target, auroc in row.aurocs.items()
            },
        }
        for row in rows
    ]
