"""Probabilities of a table's patients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from models.tabular.scaling import scale

if TYPE_CHECKING:
    from models.tabular.model import TableModel
    from models.tabular.table import Measurements


def predict_table(model: TableModel, table: Measurements, reference: Measurements | None = None) -> pd.DataFrame:
    """Predict every patient of a table.

    Parameters
    ----------
    model
        The model.
    table
        With at least the model's columns.
    reference
        The centre's table whose mean and spread the scaling ``zscore`` uses (for instance that of its training
        patients); None: the table's own, and then a patient's prediction depends on who else stands in it.

    Returns
    -------
    predictions
        PATIENT and one column ``<TARGET>_<POSITIVE>`` per target, in the table's order.

    Raises
    ------
    ConfigError
        If a table lacks columns of the model.
    InputError
        If the numbers cannot be scaled as the model wants; see ``models.tabular.scaling``.
    """
    columns = model.spec.columns
    values = scale(table.select(columns), model.spec.scaling, None if reference is None else reference.select(columns))
    probabilities = model.probabilities(values)
    found = {target.column: probabilities[:, number] for number, target in enumerate(model.spec.targets)}
    return pd.DataFrame({"PATIENT": table.patients, **found})
