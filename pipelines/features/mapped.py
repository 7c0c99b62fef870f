"""Features as a memory-mapped array: the operating system reads the rows that are asked for, and may forget them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np

from pipelines.features.read_any import describe_any

if TYPE_CHECKING:
    from pathlib import Path


def map_features(path: Path) -> np.ndarray | None:
    """Return the (N, D) float16 features of a native file, mapped into memory, or None where they cannot be mapped.

    Only a native file lies as one block of float16 whose values were checked when it was written; files of other
    layouts must be read. The mapping is private: nothing that is done to the array reaches the file.

    Raises
    ------
    InputError
        If ``path`` is missing or no whole feature file.
    """
    content = describe_any(path).content
    if content.layout != "native" or content.vectors is None:
        return None
    with h5py.File(path, "r") as file:
        dataset = file[content.vectors]
        offset, shape, dtype = dataset.id.get_offset(), dataset.shape, dataset.dtype
    if offset is None or dtype != np.float16:
        return None
    return np.memmap(path, np.float16, mode="c", offset=offset, shape=shape)
