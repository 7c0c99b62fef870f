"""The model file: safetensors with the model's description as canonical JSON in its metadata. Never a pickle."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from models.aggregators import DEFAULT, Ensemble, aggregator_class
from models.feature_kind import FeatureKind
from models.targets import Target
from pipelines import files
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from models.aggregators import Aggregator

FORMAT = "wsi-swarm model 1"
TABLE_FORMAT = "wsi-swarm table model 1"
MOST_MEMBERS = 1000
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
        Widths H and A of the aggregator.
    provenance
        JSON values only: how the model came about (data hashes, seeds, software); no names of patients, no paths.
    aggregator
        One of ``models.aggregators.AGGREGATORS``.
    members
        Number of networks of an ensemble, whose weights are named ``members.0.embed.weight`` and so on; 1 is none.
    """

    targets: tuple[Target, ...]
    features: FeatureKind
    hidden: int = 128
    attention: int = 64
    provenance: dict[str, Any] = field(default_factory=dict)
    aggregator: str = DEFAULT
    members: int = 1

    def network(self, dropout: float = 0.0, input_dropout: float = 0.0) -> Aggregator:
        """Return a network of these measures with weights that mean nothing yet; ``ConfigError`` if there is none."""
        made = aggregator_class(self.aggregator)
        widths = (self.features.dim, self.hidden, self.attention, len(self.targets))
        networks = [made(*widths, dropout, input_dropout) for _ in range(self.members)]
        return networks[0] if self.members == 1 else Ensemble(networks)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name and shape of each weight."""
        with torch.device("meta"):
            return {name: tuple(weight.shape) for name, weight in self.network().state_dict().items()}

    def first_state(self, seed: int) -> dict[str, np.ndarray]:
        """Draw first weights, a function of the seed and these measures alone."""
        with torch.device("meta"):
            return self.network().first_state(seed)

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
        header = {"format": FORMAT, **asdict(self.spec)}
        # Left out where they say nothing new, so that the first models keep their bytes.
        for name, usual in (("aggregator", DEFAULT), ("members", 1)):
            if header[name] == usual:
                del header[name]
        return file_bytes(self.state, header)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file's content, as ``sha256sum`` prints it."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def network(self) -> Aggregator:
        """Return the network with these weights, on the CPU, ready to predict."""
        network = self.spec.network()
        network.load_state_dict({name: torch.from_numpy(np.array(value)) for name, value in self.state.items()})
        return network.eval().requires_grad_(False)


class AnyModel(Protocol):
    """What all models share, of slides or of tables: weights, their description, their file."""

    @property
    def state(self) -> dict[str, np.ndarray]: ...  # noqa: D102

    @property
    def spec(self) -> AnySpec: ...  # noqa: D102

    def to_bytes(self) -> bytes: ...  # noqa: D102


class AnySpec(Protocol):
    """A model's description."""

    @property
    def targets(self) -> tuple[Target, ...]: ...  # noqa: D102

    def shapes(self) -> dict[str, tuple[int, ...]]: ...  # noqa: D102


def save_model(path: Path, model: AnyModel) -> None:
    """Write ``model`` to ``path`` atomically.

    Raises
    ------
    InputError
        If the weights do not fit the description or are not finite.
    """
    check_weights(model, str(path))
    files.write_bytes(path, model.to_bytes())


def load_model(path: Path) -> Model:
    """Read a model of slides that ``save_model`` wrote.

    Raises
    ------
    InputError
        If ``path`` is missing, is no such model of this software, or its weights do not fit its description.
    """
    state, values = read_model_file(path, FORMAT)
    with damaged_description(path):
        model = Model(state, _spec(values))
    check_weights(model, str(path))
    return model


def file_bytes(state: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> bytes:
    """Return the content of a model file; ``header`` has a ``format`` and JSON values only."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    weights = {name: np.ascontiguousarray(state[name], np.float32) for name in sorted(state)}
    return save(weights, metadata={METADATA_KEY: text})


def model_format(path: Path) -> str:
    """Return the format that a model file names; raises as ``read_model_file``."""
    return _read(path)[1]["format"]


def read_model_file(path: Path, wanted: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return weights and description (without its ``format``) of a model file of the format ``wanted``.

    Raises
    ------
    InputError
        If ``path`` is missing, is no model of this software or of another format.
    """
    state, values = _read(path)
    found = values.pop("format")
    if found != wanted:
        msg = f"{path} has the format {found!r} and this software reads {wanted!r}; use the version that wrote it"
        if {found, wanted} == {FORMAT, TABLE_FORMAT}:
            reads = "tables: name one with --table" if found == TABLE_FORMAT else "slides: name --slides and --features"
            msg = f"{path} is a model of {reads}"
        raise InputError(msg)
    return state, values


@contextmanager
def damaged_description(path: Path) -> Iterator[None]:
    """Turn what goes wrong in making a spec of a file's description into an ``InputError``."""
    try:
        yield
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        msg = f"{path} has a damaged description ({error!r}); copy it again or train the model again"
        raise InputError(msg) from error


def check_weights(model: AnyModel, where: str) -> None:
    """Refuse weights that do not fit the description or are not finite; raises ``InputError``."""
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


def targets_of(values: Any) -> tuple[Target, ...]:
    """Return targets of their JSON values."""
    return tuple(Target(t["name"], t["positive"], tuple(t["negative"])) for t in values)


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
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
    header = metadata.get(METADATA_KEY)
    if header is None:
        msg = f"{path} holds weights but was not written by wsi-swarm; name a model of 'wsi-swarm train'"
        raise InputError(msg)
    with damaged_description(path):
        values = json.loads(header)
        values["format"] = str(values["format"])
    return state, values


def _spec(values: dict[str, Any]) -> ModelSpec:
    targets, features = targets_of(values.pop("targets")), FeatureKind(**values.pop("features"))
    spec = ModelSpec(targets=targets, features=features, **values)
    if not 1 <= int(spec.members) <= MOST_MEMBERS:
        msg = f"an ensemble of {spec.members} networks"
        raise ValueError(msg)
    spec.shapes()
    return spec
