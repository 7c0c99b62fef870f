"""What the campaigns found, each as small as it could be made."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tifffile

from pipelines.errors import InputError
from pipelines.slides import UnreadableRegion, open_slide
from pipelines.slides.plausible_tiff import directory_problem

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def jpeg_slide(tmp_path: Path) -> Path:
    """A tiled JPEG pyramid of 1024 x 768 px in 12 tiles."""
    rng = np.random.default_rng(0)
    picture = rng.integers(90, 250, (96, 128, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    path = tmp_path / "slide.tiff"
    with tifffile.TiffWriter(path) as file:
        file.write(
            picture,
            tile=(256, 256),
            photometric="ycbcr",
            compression="jpeg",
            compressionargs={"level": 90},
            resolution=(20000, 20000),
            resolutionunit="CENTIMETER",
            metadata=None,
        )
    return path


def overwrite(path: Path, tag: str, index: int, value: int) -> None:
    with tifffile.TiffFile(path) as file:
        entry = file.pages[0].tags[tag]
        order, at = file.byteorder, entry.valueoffset
        code = {3: "H", 4: "I"}[int(entry.dtype)]
    with path.open("r+b") as handle:
        handle.seek(at + index * struct.calcsize(code))
        handle.write(struct.pack(order + code, value))


@pytest.mark.parametrize(
    ("tag", "value", "why"),
    [
        ("TileWidth", 65520, "tiles of 65520 x 256 px"),
        ("TileLength", 65535, "tiles of 256 x 65535 px"),
        ("TileByteCounts", 2**32 - 1, "claims a tile of 4294967295 bytes"),
    ],
)
def test_sizes_that_openslide_would_ask_memory_for_are_refused(
    jpeg_slide: Path, tag: str, value: int, why: str
) -> None:
    overwrite(jpeg_slide, tag, 0, value)
    if tag != "TileByteCounts":
        overwrite(jpeg_slide, "TileLength" if tag == "TileWidth" else "TileWidth", 0, 2048)
        why = why.replace("256", "2048")
    with pytest.raises(InputError, match=why):
        open_slide(jpeg_slide)


def test_a_tile_side_alone_is_enough_to_refuse() -> None:
    entries = struct.pack("<HHIIHHII", 322, 4, 1, 2**28, 256, 3, 1, 16)
    assert "tiles of 268435456 x 0 px" in directory_problem(struct.pack("<2sHIH", b"II", 42, 8, 2) + entries + bytes(8))


def test_directories_in_a_circle_are_read_once() -> None:
    assert directory_problem(struct.pack("<2sHIHI", b"II", 42, 8, 0, 8) + bytes(8)) is None


def test_broken_tiles_do_not_keep_the_others_from_being_read(jpeg_slide: Path) -> None:
    with tifffile.TiffFile(jpeg_slide) as file:
        largest = np.argsort(file.pages[0].databytecounts)[::-1][:3].tolist()
        places = [(file.pages[0].dataoffsets[i], file.pages[0].databytecounts[i]) for i in largest]
    with jpeg_slide.open("r+b") as handle:
        for offset, count in places:
            handle.seek(offset)
            handle.write(b"\xff" * count)
    with open_slide(jpeg_slide) as slide:
        for index in range(12):
            x, y = index % 4 * 256, index // 4 * 256
            if index in largest:
                with pytest.raises(UnreadableRegion):
                    slide.read_region(x, y, 256, 256, (256, 256))
            else:
                assert slide.read_region(x, y, 256, 256, (256, 256)).shape == (256, 256, 3)
