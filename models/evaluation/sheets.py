"""The tables that a statistician would plot or pool again, as CSV text."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

from models.evaluation.estimates import Absent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from models.evaluation.comparison import Comparison
    from models.evaluation.evaluate import Assessment, Evaluation, Member
    from models.evaluation.operating_points import OperatingPoint


def sheets(evaluation: Evaluation) -> dict[str, str]:
    """Return each table that has rows, by file name."""
    both = ("predictions", "target")
    points, bins, curve, groups, compared = [], [], [], [], []
    for a in evaluation.assessments:
        who = (a.scored.name, a.scored.target.name)
        for name, chosen in _scopes(a):
            points += [(*who, name, *_point(p)) for p in chosen]
        if not isinstance(a.calibration, Absent):
            bins += [
                (
                    *who,
                    b.predicted,
                    b.observed.value,
                    b.observed.low,
                    b.observed.high,
                    b.observed.count,
                    b.observed.total,
                )
                for b in a.calibration.bins
            ]
        if not isinstance(a.curve, Absent):
            curve += [(*who, n.threshold, n.model, n.everybody, 0.0, n.spared_per_100) for n in a.curve]
        for grouping in (*([a.centres] if a.centres else ()), *a.subgroups):
            groups += [(*who, grouping.column, *_group(member)) for member in grouping.members]
    for target, comparisons in evaluation.comparisons.items():
        if not isinstance(comparisons, Absent):
            compared += [(target, *_comparison(c)) for c in comparisons]
    values = ("value", "low", "high")
    shares = ("sensitivity", "specificity", "ppv", "npv", "rule_out")
    share_columns = [f"{share}{end}" for share in shares for end in ("", "_low", "_high")]
    group_columns = [f"{name}_{value}" for name in ("auroc", "slope", "intercept") for value in values]
    counts, after = ("tp", "fp", "fn", "tn"), ("brier", "ece", "brier_recalibrated", "ece_recalibrated")
    areas = ("auroc_first", "auroc_second", "difference", "low", "high")
    tests = ("p_delong", "p_holm", "p_permutation", "margin", "not_inferior", "p_non_inferiority")
    tables = {
        "operating_points.csv": (
            (*both, "patients", "wanted_sensitivity", "threshold", *counts, *share_columns),
            points,
        ),
        "calibration_bins.csv": ((*both, "predicted", "observed", "low", "high", "positive", "patients"), bins),
        "decision_curve.csv": ((*both, "threshold", "model", "test_everybody", "test_nobody", "spared_per_100"), curve),
        "groups.csv": ((*both, "column", "group", "positive", "negative", *group_columns, *after, "note"), groups),
        "comparison.csv": (("target", "first", "second", "positive", "negative", *areas, *tests, "note"), compared),
    }
    return {name: csv_text(header, body) for name, (header, body) in tables.items() if body}


def _scopes(a: Assessment) -> list[tuple[str, Sequence[OperatingPoint]]]:
    if isinstance(a.points, Absent):
        return []
    groupings = (*([a.centres] if a.centres else ()), *a.subgroups)
    return [("all", a.points), *((f"{g.column}={m.group.name}", m.points) for g in groupings for m in g.members)]


def _point(p: OperatingPoint) -> tuple[Any, ...]:
    ends = [
        end
        for s in (p.sensitivity, p.specificity, p.ppv, p.npv, p.rule_out)
        for end in (("", "", "") if isinstance(s, Absent) else (s.value, s.low, s.high))
    ]
    return (p.locked.wanted, p.locked.threshold, p.tp, p.fp, p.fn, p.tn, *ends)


def _group(m: Member) -> tuple[Any, ...]:
    c, r, notes = m.calibration, m.recalibration, []
    three: list[Any] = []
    for value in (m.group.auroc, *((c, c) if isinstance(c, Absent) else (c.slope, c.intercept))):
        if isinstance(value, Absent):
            notes.append(value.reason)
            three += ["", "", ""]
        else:
            three += [value.value, value.low, value.high]
    scores = ("", "") if isinstance(c, Absent) else (c.brier, c.ece)
    after = ("", "") if isinstance(r, Absent) else (r.brier_after, r.ece_after)
    return (m.group.name, m.group.n_pos, m.group.n_neg, *three, *scores, *after, "; ".join(dict.fromkeys(notes)))


def _comparison(c: Comparison) -> tuple[Any, ...]:
    d, n = c.difference, c.non_inferiority
    ends = ("", "", "") if isinstance(d, Absent) else (d.value, d.low, d.high)
    verdict = ("", "", "") if n is None else (n.margin, "yes" if n.shown else "no", n.p)
    tests = tuple("" if p is None else p for p in (c.p_delong, c.p_holm, c.p_permutation))
    areas = tuple("" if a is None else a for a in (c.area_first, c.area_second))
    note = d.reason if isinstance(d, Absent) else ""
    return (c.first, c.second, c.n_pos, c.n_neg, *areas, *ends, *tests, *verdict, note)


def csv_text(header: Sequence[str], body: Iterable[Sequence[Any]]) -> str:
    """Return a header and rows as CSV with Unix line ends."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(body)
    return buffer.getvalue()
