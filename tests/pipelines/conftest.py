"""Slides drawn for the tests and a small real network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch

MakeSlide = Callable[..., Path]


def draw_tissue(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Return an RGB picture: a pink, mottled ellipse with dark nuclei on bright glass."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    inside = ((x / width - 0.5) / 0.36) ** 2 + ((y / height - 0.5) / 0.32) ** 2 < 1
    image = np.full((height, width, 3), 243, np.int16)
    image[inside] = (224, 150, 190)
    nuclei = inside & (rng.random((height // 4 + 1, width // 4 + 1)) < 0.2).repeat(4, 0).repeat(4, 1)[:height, :width]
    image[nuclei] = (110, 70, 150)
    image += rng.integers(-4, 5, image.shape, dtype=np.int16)
    return image.astype(np.uint8)


def write_slide(
    path: Path, image: np.ndarray, mpp: float | tuple[float, float] | None = 0.5, levels: int = 1, tile: int = 256
) -> Path:
    """Write a tiled, lossless TIFF that OpenSlide reads, with resolution tags and levels by averaging."""
    mpps = (mpp, mpp) if isinstance(mpp, float | int) else mpp
    path.parent.mkdir(parents=True, exist_ok=True)
    with tifffile.TiffWriter(path) as file:
        for level in range(levels):
            step = 2**level
            height, width = (side // step * step for side in image.shape[:2])
            mean = image[:height, :width].reshape(height // step, step, width // step, step, 3).mean(axis=(1, 3))
            tags = {} if mpps is None else {"resolution": (1e4 / mpps[0] / step, 1e4 / mpps[1] / step)}
            file.write(
                np.rint(mean).astype(np.uint8),
                tile=(tile, tile),
                photometric="rgb",
                compression="adobe_deflate",
                compressionargs={"level": 1},
                subfiletype=1 if level else 0,
                resolutionunit="CENTIMETER" if mpps else "NONE",
                metadata=None,
                **tags,
            )
    return path


def spoil_tile(path: Path, index: int) -> None:
    """Overwrite one compressed tile of level 0 with bytes that no decoder accepts."""
    with tifffile.TiffFile(path) as file:
        page = file.pages[0]
        offset, length = page.dataoffsets[index], page.databytecounts[index]
    with path.open("r+b") as handle:
        handle.seek(offset)
        handle.write(b"\xff" * length)


class SmallEncoder:
    """A small convolutional network with fixed weights; counts the tiles and batches it was given."""

    name = "small"
    card_sha256 = "c" * 64
    weights_sha256 = "w" * 64
    dim = 6
    input_px = 32
    resize_px: int | None = None
    supported_mpp: tuple[float, float] | None = None

    def __init__(self) -> None:
        self.device = torch.device("cpu")
        generator = torch.Generator().manual_seed(7)
        self._weight = torch.randn((self.dim, 3, 5, 5), generator=generator)
        self.batches: list[int] = []
        self.seen_dtype: torch.dtype | None = None

    def transform(self, tiles: torch.Tensor) -> torch.Tensor:
        self.seen_dtype = tiles.dtype
        return tiles.permute(0, 3, 1, 2).float() / 255

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        self.batches.append(len(batch))
        return torch.nn.functional.conv2d(batch, self._weight, stride=5).relu().mean(dim=(2, 3))


@pytest.fixture
def make_slide(tmp_path: Path) -> MakeSlide:
    """Write a slide of drawn tissue into ``tmp_path/slides``."""

    def make(name: str = "a.tiff", size: tuple[int, int] = (1600, 1200), seed: int = 0, **how: object) -> Path:
        return write_slide(tmp_path / "slides" / name, draw_tissue(*size, seed), **how)

    return make


@pytest.fixture
def encoder() -> SmallEncoder:
    return SmallEncoder()


@pytest.fixture
def spoil() -> Callable[[Path, int], None]:
    return spoil_tile


@pytest.fixture
def save_slide() -> MakeSlide:
    """Write any picture as a slide."""
    return write_slide


@pytest.fixture
def tissue_picture() -> Callable[..., np.ndarray]:
    return draw_tissue
