"""The recalculated results of the swarm paper as text for a terminal and as JSON values."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from wsi_swarm.study.published.results import KEY, LEVEL, SWARM, verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from wsi_swarm.study.published.results import Agreement

CENTRAL = "central"


def as_text(rows: int, agreements: Sequence[Agreement], uneven: Mapping[str, int], summary: pd.DataFrame) -> str:
    """Return what agrees, one line per figure, and the sum of the tests."""
    lines = [f"{rows} published rows"]
    if uneven:
        lines.append(
            f"cases are not TP + FN, or controls not TN + FP, in {sum(uneven.values())} rows: {_listed(uneven)}"
        )
    lines += [_agreement(one) for one in agreements]
    header = ("figure", "part", "n", "swarm", "AUROC", "others' accuracy", "against the swarm: accuracy", "AUROC")
    table = [header]
    groups: Any = summary.groupby(list(KEY), sort=False)
    table += [_figure(key, group.to_dict("records")) for key, group in groups]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    lines += ["", *("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table), ""]
    for other, name in (("every single node", False), ("the central model", True)):
        tested = [row for row in summary.to_dict("records") if row["accuracy_pairs"] > 0]
        chosen = [row for row in tested if (row["node"] == CENTRAL) == name]
        lines += [
            f"swarm against {other}, {shown}: {_counted(chosen, metric)} of {len(chosen)} comparisons (two-sided, Holm "
            f"within a figure, {LEVEL:.0%}); one-sided as in the paper, p < {LEVEL} in {_one_sided(chosen, metric)}"
            for metric, shown in (("accuracy", "accuracy"), ("auroc", "AUROC"))
        ]
    return "\n".join(lines) + "\n"


def as_json(
    rows: int, agreements: Sequence[Agreement], uneven: Mapping[str, int], summary: pd.DataFrame
) -> dict[str, Any]:
    """Return the same as JSON values; what is not defined is null."""
    entries = [
        {str(k): None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}
        for row in summary.to_dict("records")
    ]
    return {"rows": rows, "uneven": dict(uneven), "metrics": [asdict(one) for one in agreements], "models": entries}


def _agreement(one: Agreement) -> str:
    said = [f"{one.metric}: {one.agree} rows agree"]
    if one.only_here:
        said.append(f"{one.only_here} have a value here and none there")
    if one.only_there:
        said.append(f"{one.only_there} have a value there and none here")
    if one.differ:
        said.append(f"{sum(one.differ.values())} differ ({_listed(one.differ)})")
    return "; ".join(said)


def _listed(counts: Mapping[str, int]) -> str:
    return "; ".join(f"{name}: {count}" for name, count in counts.items())


def _figure(key: tuple[str, str], models: Sequence[Mapping[Any, Any]]) -> tuple[str, ...]:
    swarm = next((row for row in models if row["node"] == SWARM), None)
    others = [row for row in models if row["node"] != SWARM]
    return (
        *key,
        str(max(row["repeats"] for row in models)),
        "-" if swarm is None else _number(swarm["accuracy"]),
        "-" if swarm is None else _number(swarm["auroc"]),
        _others(others),
        *("-" if swarm is None or not others else _counted(others, metric) for metric in ("accuracy", "auroc")),
    )


def _others(models: Sequence[Mapping[Any, Any]]) -> str:
    if len(models) <= 6:
        return " ".join(f"{row['node'].removeprefix('node ')} {_number(row['accuracy'])}" for row in models) or "-"
    values = [row["accuracy"] for row in models]
    mean = sum(values) / len(values)
    return f"{len(values)} nodes: mean {_number(mean)}, {_number(min(values))} to {_number(max(values))}"


def _counted(models: Sequence[Mapping[Any, Any]], metric: str) -> str:
    found = [verdict(row, metric) for row in models]
    return ", ".join(
        f"{found.count(name)} {name}" for name in ("better", "open", "worse", "not published") if name in found
    )


def _one_sided(models: Sequence[Mapping[Any, Any]], metric: str) -> int:
    return sum(row[f"{metric}_p_one_sided"] < LEVEL for row in models)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
