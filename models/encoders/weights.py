"""Reading and hashing a network's weights. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import pickle
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or a file of ``torch.save`` that holds tensors only (plain, or under "state_dict").

    Raises
    ------
    InputError
        Missing, unreadable, or holding anything but tensors.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no such weights file; check --weights.")
    try:
        state = load_file(path) if path.suffix == ".safetensors" else torch.load(path, "cpu", weights_only=True)
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise InputError(
            f"{path}: the weights can't be read as {'safetensors' if path.suffix == '.safetensors' else 'tensors'}; "
            "give a .safetensors file or a state dict saved by torch that holds nothing but tensors."
        ) from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{path}: this is no state dict (names to tensors); save the network's state_dict().")
    return state


def fill_network(network: torch.nn.Module, state: Mapping[str, torch.Tensor], head: str | None, path: Path) -> None:
    """Load weights; every key must match, except those of the classification head that the network has not.

    Parameters
    ----------
    head : str or None
        Name of the head's module in files of this architecture ("fc", "head").

    Raises
    ------
    InputError
        A key is missing or too much, or a shape differs.
    """
    own = network.state_dict()
    given = {key: value for key, value in state.items() if key in own or head is None or not key.startswith(f"{head}.")}
    missing, surplus = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or surplus:
        parts = [
            f"{len(keys)} {what} ({keys[0]})" for what, keys in (("missing", missing), ("unknown", surplus)) if keys
        ]
        raise InputError(f"{path}: these are weights of another network, keys: {', '.join(parts)}; check --encoder.")
    wrong = next((key for key in own if own[key].shape != given[key].shape), None)
    if wrong is not None:
        raise InputError(
            f"{path}: weight {wrong} has shape {tuple(given[wrong].shape)}, "
            f"the encoder needs {tuple(own[wrong].shape)}; "
            "the file belongs to another encoder."
        )
    network.load_state_dict(given)


def file_sha256(path: Path) -> str:
    """Hash a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def state_sha256(network: torch.nn.Module) -> str:
    """Hash names, types, shapes and bytes of all weights, sorted by name."""
    digest = hashlib.sha256()
    for key, value in sorted(network.state_dict().items()):
        digest.update(f"{key} {value.dtype} {tuple(value.shape)}\n".encode())
        digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
