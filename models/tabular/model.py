"""Models of tables: what they are, their file, and what they say of a patient."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from models.model_file import TABLE_FORMAT, check_weights, damaged_description, file_bytes, read_model_file, targets_of
from models.tabular.kinds import KINDS
from models.tabular.scaling import steps_of
from models.training import one_thread
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from models.targets import Target


@dataclass(frozen=True)
class TableSpec:
    """What a model of tables is, apart from its weights.

    Attributes
    ----------
    kind
        ``mlp`` or ``lasso``.
    targets
        Its targets, in the order of the outputs.
    columns
        Names of the columns that it reads, sorted; a table may have more.
    scaling
        How a table is scaled before; see ``models.tabular.scaling``.
    hidden
        Widths of an MLP's hidden layers.
    provenance
        JSON values only: how the model came about; no names of patients, no paths.
    """

    kind: str
    targets: tuple[Target, ...]
    columns: tuple[str, ...]
    scaling: str
    hidden: tuple[int, ...] = ()
    provenance: dict[str, Any] = field(default_factory=dict)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight."""
        return KINDS[self.kind].shapes(len(self.columns), self.hidden, len(self.targets))


@dataclass(frozen=True)
class TableModel:
    """Weights (float32, by the names of ``TableSpec.shapes``) and what they are."""

    state: dict[str, np.ndarray]
    spec: TableSpec

    def to_bytes(self) -> bytes:
        """Return the file's content; the same weights and description always give the same bytes."""
        return file_bytes(self.state, {"format": TABLE_FORMAT, **asdict(self.spec)})

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's content, as ``sha256sum`` prints it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def probabilities(self, values: np.ndarray) -> np.ndarray:
        """Return (patients, targets) float64: probability of the positive class.

        Parameters
        ----------
        values
            (patients, columns) float32 in the order of ``spec.columns``, scaled.
        """
        with one_thread(), torch.inference_mode():
            logits = KINDS[self.spec.kind].logits(self.state, torch.from_numpy(values))
            return torch.sigmoid(logits.double()).numpy()


def load_table_model(path: Path) -> TableModel:
    """Read a model of tables that ``models.model_file.save_model`` wrote.

    Raises
    ------
    InputError
        If ``path`` is missing, is no such model of this software, or its weights do not fit its description.
    """
    state, values = read_model_file(path, TABLE_FORMAT)
    with damaged_description(path):
        model = TableModel(state, _spec(values))
        model.spec.shapes()
    try:
        steps_of(model.spec.scaling)
    except ConfigError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    check_weights(model, str(path))
    return model


def _spec(values: dict[str, Any]) -> TableSpec:
    for name in ("columns", "hidden"):
        values[name] = tuple(values[name])
    return TableSpec(targets=targets_of(values.pop("targets")), **values)
