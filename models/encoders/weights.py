"""Reading, naming, fitting and hashing a network's weights. Nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
import math
import pickle
import zipfile
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.nn import functional

from models.encoders.key_map import KeyMap
from pipelines.damage import DAMAGE
from pipelines.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_WRAPPERS = ("state_dict", "model", "teacher")
"""Names under which training scripts keep the state dict in a checkpoint."""


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """Read a state dict.

    Parameters
    ----------
    path : Path
        ``.safetensors``, or a file of ``torch.save`` that holds tensors only: plain, or in a checkpoint under
        "state_dict", "model" or "teacher".

    Raises
    ------
    InputError
        Missing, cut short, unreadable, or holding anything but tensors.
    """
    refuse_missing(path)
    safe = path.suffix == ".safetensors"
    try:
        state = load_file(path) if safe else torch.load(path, "cpu", weights_only=True)
    except (*DAMAGE, SafetensorError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{_named(path)}: the weights can't be read as {'safetensors' if safe else 'tensors'}"
            f"{_cut_short(path, safe)}; give a .safetensors file or a state dict saved by torch that holds nothing but "
            "tensors."
        ) from error
    while isinstance(state, dict) and (inner := [state[key] for key in _WRAPPERS if isinstance(state.get(key), dict)]):
        state = inner[0]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{_named(path)}: this is no state dict (names to tensors); save the network's state_dict().")
    return state


def refuse_missing(path: Path) -> None:
    """Raise ``InputError`` where a weights file is not there."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such weights file; check --weights.")


def fill_network(
    network: torch.nn.Module,
    state: Mapping[str, torch.Tensor],
    path: Path,
    head: str | None = None,
    keys: KeyMap | None = None,
    pos_embed: str | None = None,
) -> None:
    """Load weights; every key must match, except those of the classification head that the network has not.

    Weights in half precision are widened to the network's precision.

    Parameters
    ----------
    path : Path
        Where they come from.
    head : str or None
        Name of the head's module in files of this architecture ("fc", "head").
    keys : KeyMap or None
        Turns the file's names into the network's.
    pos_embed : str or None
        How position embeddings of another grid are resampled (`EncoderCard.pos_embed`); None refuses them.

    Raises
    ------
    InputError
        A key is missing or too much, or a shape differs.
    """
    keys = keys or KeyMap()
    own = network.state_dict()
    try:
        given = keys.apply(state)
    except ValueError as error:
        raise InputError(f"{_named(path)}: these are weights of another network: {error}; check --encoder.") from error
    given |= {key: torch.zeros(own[key].shape) for key in keys.zero if key in own and key not in given}
    given = {key: value for key, value in given.items() if key in own or not head or not key.startswith(f"{head}.")}
    missing, surplus = sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys())
    if missing or surplus:
        parts = [
            f"{len(names)} {what} ({names[0]})" for what, names in (("missing", missing), ("unknown", surplus)) if names
        ]
        raise InputError(
            f"{_named(path)}: these are weights of another network, keys: {', '.join(parts)}; check --encoder."
        )
    _fit_positions(network, given, keys.fold_class_position, pos_embed)
    wrong = next((key for key in own if own[key].shape != given[key].shape), None)
    if wrong is not None:
        raise InputError(
            f"{_named(path)}: weight {wrong} has shape {tuple(given[wrong].shape)}, "
            f"the encoder needs {tuple(own[wrong].shape)}; "
            "the file belongs to another encoder."
        )
    # Assigned, not copied: a network of 10^9 weights is held once, and it may have been built without memory.
    network.load_state_dict({key: given[key].to(value.dtype) for key, value in own.items()}, assign=True)


def _fit_positions(network: torch.nn.Module, state: dict[str, torch.Tensor], fold: bool, method: str | None) -> None:
    """Bring position embeddings to the network's grid, and the class token's to where the network wants it."""
    trunk, prefix = (network.trunk, "trunk.") if hasattr(network, "trunk") else (network, "")
    positions = state.get(f"{prefix}pos_embed")
    if positions is None or positions.ndim != 3:
        return
    apart = bool(getattr(trunk, "no_embed_class", False))
    if fold and apart and math.isqrt(max(positions.shape[1] - 1, 0)) ** 2 == positions.shape[1] - 1:
        state[f"{prefix}cls_token"] = state[f"{prefix}cls_token"] + positions[:, :1]
        positions = positions[:, 1:]
    tokens = 0 if apart else trunk.num_prefix_tokens
    side, wanted = math.isqrt(max(positions.shape[1] - tokens, 0)), trunk.patch_embed.grid_size[0]
    square, width = side**2 == positions.shape[1] - tokens, trunk.pos_embed.shape[2]
    if method is not None and side not in (0, wanted) and square and positions.shape[2] == width:
        grid = positions[:, tokens:].float().reshape(1, side, side, -1).permute(0, 3, 1, 2)
        grid = resample_grid(grid, wanted, method).permute(0, 2, 3, 1).flatten(1, 2)
        positions = torch.cat([positions[:, :tokens].float(), grid], 1)
    state[f"{prefix}pos_embed"] = positions


def resample_grid(grid: torch.Tensor, side: int, method: str) -> torch.Tensor:
    """Resample position embeddings as the model's own code does.

    Parameters
    ----------
    grid : Tensor
        float32 (1, D, n, n).
    side : int
        Wanted n.
    method : str
        "bicubic" or "bilinear", without antialiasing; "bicubic-offset": by the ratio (side + 0.1) / n that DINO
        introduced against rounding, which moves the sampled points a little.

    Returns
    -------
    Tensor
        (1, D, side, side).
    """
    if method != "bicubic-offset":
        return functional.interpolate(grid, size=(side, side), mode=method, align_corners=False)
    ratio = (side + 0.1) / grid.shape[-1]
    return functional.interpolate(grid, scale_factor=(ratio, ratio), mode="bicubic", align_corners=False)


def _named(path: Path) -> str:
    return f"{path} (sha256 {file_sha256(path)})"


def _cut_short(path: Path, safe: bool) -> str:
    """Say so where the file ends before its contents do."""
    size = path.stat().st_size
    if safe:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if 8 + length > size or size < 8:
                return f" (its {size} bytes hold no whole header)"
            try:
                header = json.loads(file.read(length))
                end = 8 + length + max(entry["data_offsets"][1] for key, entry in header.items() if key[:2] != "__")
            except (ValueError, KeyError, TypeError, AttributeError):
                return ""
        return f" (it is cut short: {size} of {end} bytes)" if size < end else ""
    with path.open("rb") as file:
        begins_as_zip = file.read(2) == b"PK"
    try:
        ends = zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        return ""  # it has an end, which is damaged
    return " (it is cut short: a zip file without its end)" if begins_as_zip and not ends else ""


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
