"""Numbers as people read them, with the interval in brackets; the same in the report, on the terminal and in plots."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from models.evaluation.estimates import Absent, Estimate, Proportion

if TYPE_CHECKING:
    from models.evaluation.comparison import Comparison
    from models.evaluation.evaluate import Assessment

NONE = "–"


def number(value: float, digits: int = 3) -> str:
    """Round without a negative zero, and with a real minus sign."""
    text = f"{value:.{digits}f}"
    if float(text) == 0.0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def signed(value: float, digits: int = 3) -> str:
    """Return ``number`` with a plus sign where it is above 0."""
    text = number(value, digits)
    return f"+{text}" if value > 0 and float(text) != 0.0 else text


def interval(low: float, high: float, digits: int = 3) -> str:
    """Return both ends with ``to`` between them, which no reader takes for a minus."""
    return f"{number(low, digits)} to {number(high, digits)}"


def estimate(value: Estimate | Absent, digits: int = 3) -> str:
    """Return ``0.873 (0.812 to 0.934)``, or a dash whose reason stands elsewhere."""
    if isinstance(value, Absent):
        return NONE
    return f"{number(value.value, digits)} ({interval(value.low, value.high, digits)})"


def percent(value: float) -> str:
    """Return a share as per cent with one decimal."""
    return f"{100 * value:.1f} %"


def share(value: Proportion | Absent) -> str:
    """Return ``92.3 % (81.5 to 97.9), 48/52``, or a dash."""
    if isinstance(value, Absent):
        return NONE
    ends = f"{100 * value.low:.1f} to {100 * value.high:.1f}"
    return f"{100 * value.value:.1f} % ({ends}), {value.count}/{value.total}"


def p_value(value: float | None) -> str:
    """Return p to three decimals, or that it is below 0.001."""
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def file_part(text: str) -> str:
    """Return ``text`` as part of a file's name."""
    return re.sub(r"[^0-9A-Za-z-]+", "_", text).strip("_") or "x"


def headline(a: Assessment) -> str:
    """Return one sentence: who was evaluated, and how well the model ranks them."""
    target, flow = a.scored.target, a.scored.flow
    if isinstance(a.discrimination, Absent):
        return f"{a.scored.name}, {target.name}: {a.discrimination.reason}."
    area = a.discrimination.headline
    return (
        f"{a.scored.name} ranks {flow.analysed} patients ({flow.analysed_pos} {target.positive}, {flow.analysed_neg} "
        f"not) with an AUROC of {number(area.value)} (95 % interval {interval(area.low, area.high)}, {area.method})."
    )


def compared(c: Comparison) -> str:
    """Return one comparison with its tests and, where there is one, the verdict on non-inferiority."""
    name = f"{c.first} against {c.second}"
    if isinstance(c.difference, Absent) or c.non_inferiority is None:
        return f"{name}: {c.difference.reason}" if isinstance(c.difference, Absent) else name
    d, verdict = c.difference, "not inferior" if c.non_inferiority.shown else "non-inferiority not shown"
    return (
        f"{name}: difference of AUROC {signed(d.value)} ({signed(d.low)} to {signed(d.high)}), p {p_value(c.p_delong)} "
        f"(DeLong), {p_value(c.p_holm)} (Holm), {p_value(c.p_permutation)} (permutation); {verdict} at a margin of "
        f"{c.non_inferiority.margin:g}"
    )


def sentences(a: Assessment) -> tuple[str, ...]:
    """Return everything that could not be given for an assessment, each with its reason, and each caution."""
    said: list[str] = []
    if isinstance(a.discrimination, Absent):
        return (_sentence(a.discrimination.reason),)
    d = a.discrimination
    said += [_sentence(x.reason) for x in (d.delong, d.bootstrapped) if isinstance(x, Absent)]
    said += [_sentence(x.reason) for x in (a.points, a.calibration, a.curve) if isinstance(x, Absent)]
    if not isinstance(a.calibration, Absent):
        said += [_sentence(x.reason) for x in (a.calibration.slope, a.calibration.intercept) if isinstance(x, Absent)]
        if a.calibration.clipped:
            said.append(
                f"{a.calibration.clipped} predicted probabilities of 0 or 1 have no log-odds; slope and intercept "
                "take them as a millionth from 0 or 1."
            )
    if not isinstance(a.points, Absent):
        said += [_sentence(p.locked.note) for p in a.points if p.locked.note]
    return tuple(dict.fromkeys(said))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")
