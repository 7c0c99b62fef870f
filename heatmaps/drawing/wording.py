"""Numbers as people read them."""

from __future__ import annotations

import math


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
