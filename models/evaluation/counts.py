"""Metrics of whole tables of counts at once: what follows from true and false positives and negatives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def rates(tp: ArrayLike, tn: ArrayLike, fp: ArrayLike, fn: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Return metrics by name, each of the counts' shape, NaN where a metric is not defined.

    ``f1`` is ``2 TP / (2 TP + FP + FN)``, hence 0 for a model that finds no case, also where it calls nobody positive
    and its precision is not defined.

    Parameters
    ----------
    tp, tn, fp, fn
        Patients, of one shape.
    """
    a, b, c, d = (np.asarray(counts, float) for counts in (tp, tn, fp, fn))
    return {
        "accuracy": _share(a + b, a + b + c + d),
        "sensitivity": _share(a, a + d),
        "specificity": _share(b, b + c),
        "precision": _share(a, a + c),
        "f1": _share(2 * a, 2 * a + c + d),
    }


def _share(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0)
