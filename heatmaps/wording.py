"""Numbers and sentences as people read them."""

from __future__ import annotations

import math

METHOD_NOTE = (
    "Each tile's share of the slide's log-odds, exact for this model: attention of the tile times what the tile says. "
    "Shares and bias sum to the log-odds of the slide. "
    "Nothing is smoothed or interpolated; overlapping tiles are averaged."
)

SHARES_LIMIT = (
    "A tile's share depends on all other tiles of the slide, because attention is divided among them. "
    "It says what the tile added to this result, not what the tile would mean alone."
)

LIMITS = (
    "The colours explain the model, not the disease: ink, folds, blur or an unfamiliar stain can count as evidence "
    "just as morphology can. Compare the strongest tiles with what you know.",
    SHARES_LIMIT,
    "Shares of different slides compare only at a fixed scale (--clip); by default each slide has its own.",
    "The model saw only the outlined tissue, in squares and at one resolution; the rest of the slide was not used.",
    "The probability is the model's own and is not calibrated for your laboratory, scanner or case mix.",
    "Research use only: not a medical device, not validated for diagnosis, no substitute for a molecular or IHC test.",
)


def signed(value: float, digits: int = 3) -> str:
    """Return ``+0.123`` or ``−0.123`` with a true minus sign."""
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−")


def signed_significant(value: float) -> str:
    """Return the value with sign and two significant digits, without exponent down to a millionth."""
    if value == 0:
        return "0"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return signed(value, min(digits, 9))


def percent(probability: float) -> str:
    """Return a probability in percent, never rounded to 0 or 100 when it is neither."""
    if 0 < probability < 0.001:
        return "below 0.1 %"
    if 0.999 < probability < 1:
        return "above 99.9 %"
    return f"{100 * probability:.1f} %"


def odds_factor(value: float) -> str:
    """Return what adding ``value`` log-odds does to the odds: ``odds × 1.02``."""
    factor = math.exp(value)
    away = abs(factor - 1)
    digits = 2 if away >= 0.05 or away == 0 else min(9, 1 - math.floor(math.log10(away)))
    return f"odds × {factor:.{digits}f}"


def times(factor: float) -> str:
    """Return a multiple with two significant digits, whole from ten on."""
    return f"{factor:.0f}" if factor >= 9.95 else f"{factor:.2g}"
