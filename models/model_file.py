"""The model file: safetensors with the model's description as canonical JSON in its metadata. Never a pickle."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from models.abmil import GatedAttentionMIL
from models.feature_kind import FeatureKind
from models.targets import Target
from pipelines import files
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "wsi-swarm model 1"
METADATA_KEY = "wsi_swarm"
"""The only metadata entry: safetensors keeps no order between entries, so two would make the bytes random."""


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, apart from its weights.

    Attributes
    ----------
    targets
        Its targets, in the order of the network's outputs.
    features
        The kind of features it reads; others are refused.
    hidden, attention
        Widths H and A of ``GatedAttentionMIL``.
    provenance
        JSON values only: how the model came about (data hashes, seeds, software); no names of patients, no paths.
    """

    targets: tuple[Target, ...]
    features: FeatureKind
    hidden: int = 128
    attention: int = 64
    provenance: dict[str, Any] = field(default_factory=dict)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight."""
        with torch.device("meta"):
            network = GatedAttentionMIL(self.features.dim, self.hidden, self.attention, len(self.targets))
        return {name: tuple(weight.shape) for name, weight in network.state_dict().items()}

    def target(self, name: str) -> tuple[int, Target]:
        """Return index and target of this name.

        Raises
        ------
        InputError
            If the model has no such target.
        """
        for index, target in enumerate(self.targets):
            if target.name == name:
                return index, target
        msg = f"the model knows no target {name!r}; it knows {', '.join(t.name for t in self.targets)}"
        raise InputError(msg)


@dataclass(frozen=True)
class Model:
    """Weights (float32, by the names of ``ModelSpec.shapes``) and what they are."""

    state: dict[str, np.ndarray]
    spec: ModelSpec

    def to_bytes(self) -> bytes:
        """Return the file's content; the same weights and description always give the same bytes."""
        header = json.dumps(
            {"format": FORMAT, **asdict(self.spec)},
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
            ensure_ascii=False,
        )
        weights = {name: np.ascontiguousarray(self.state[name], np.float32) for name in sorted(self.state)}
        return save(weights, metadata={METADATA_KEY: header})

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's content, as ``sha256sum`` prints it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def network(self) -> GatedAttentionMIL:
        """Return the network with these weights, on the CPU, ready to predict."""
        spec = self.spec
        network = GatedAttentionMIL(spec.features.dim, spec.hidden, spec.attention, len(spec.targets))
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.state.items()})
        return network.eval().requires_grad_(False)


def save_model(path: Path, model: Model) -> None:
    """Write ``model`` to ``path`` atomically.

    Raises
    ------
    InputError
        If the weights do not fit the description or are not finite.
    """
    _check(model, str(path))
    files.write_bytes(path, model.to_bytes())


def load_model(path: Path) -> Model:
    """Read a model that ``save_model`` wrote.

    Raises
    ------
    InputError
        If ``path`` is missing, is no model of this software, or its weights do not fit its description.
    """
    if not path.is_file():
        msg = f"{path} does not exist; name a model file written by 'wsi-swarm train' or 'train-swarm'"
        raise InputError(msg)
    try:
        with safe_open(path, framework="numpy") as handle:
            metadata = handle.metadata() or {}
            state = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 (safe_open is no dict)
    except (SafetensorError, OSError, TypeError) as error:
        msg = f"{path} is not a whole safetensors file ({error}); copy it again or train the model again"
        raise InputError(msg) from error
    model = Model(state, _read_spec(metadata.get(METADATA_KEY), path))
    _check(model, str(path))
    return model


def _read_spec(header: str | None, path: Path) -> ModelSpec:
    if header is None:
        msg = f"{path} holds weights but was not written by wsi-swarm; name a model of 'wsi-swarm train'"
        raise InputError(msg)
    try:
        values = json.loads(header)
        found = values.pop("format")
        if found != FORMAT:
            msg = f"{path} has the format {found!r} and this software reads {FORMAT!r}; use the version that wrote it"
            raise InputError(msg)
        targets = tuple(Target(t["name"], t["positive"], tuple(t["negative"])) for t in values.pop("targets"))
        return ModelSpec(targets=targets, features=FeatureKind(**values.pop("features")), **values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path} has a damaged description ({error!r}); copy it again or train the model again"
        raise InputError(msg) from error


def _check(model: Model, where: str) -> None:
    expected = model.spec.shapes()
    found = {name: tuple(value.shape) for name, value in model.state.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            msg = f"{where}: weight {name} should have shape {expected.get(name)} and has {found.get(name)}"
            raise InputError(msg)
        if model.state[name].dtype != np.float32:
            msg = f"{where}: weight {name} is {model.state[name].dtype}, not float32"
            raise InputError(msg)
        if not np.isfinite(model.state[name]).all():
            msg = f"{where}: weight {name} holds a value that is not finite; the training diverged, lower its rate"
            raise InputError(msg)
