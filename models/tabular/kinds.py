"""The kinds of models of tables, by name: an MLP and LASSO logistic regression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.tabular import lasso, mlp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Kind:
    """One kind.

    Attributes
    ----------
    shapes
        From numbers of columns, widths of hidden layers and number of targets to the weights' shapes.
    logits
        From weights and (patients, columns) to (patients, targets).
    """

    shapes: Callable[[int, tuple[int, ...], int], dict[str, tuple[int, ...]]]
    logits: Callable[[Mapping[str, np.ndarray], Tensor], Tensor]


KINDS = {"mlp": Kind(mlp.shapes, mlp.logits), "lasso": Kind(lasso.shapes, lasso.logits)}
