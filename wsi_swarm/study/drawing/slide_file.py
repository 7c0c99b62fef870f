"""A drawn slide as a file that slide readers open: tiled pyramidal TIFF, JPEG, resolution in the tags."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import tifffile

from pipelines.files import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.study.drawing.texture import Array

TILE_PX = 256
DOWNSAMPLES = (1, 4, 16)


def write_slide(path: Path, picture: Array, mpp: float, jpeg_quality: int) -> None:
    """Write a slide atomically; equal pixels give equal bytes.

    Parameters
    ----------
    path : ends in ``.tif``.
    picture : uint8 (height, width, 3) RGB, level 0.
    mpp : um per pixel of level 0; stands in the file as pixels per centimetre.
    jpeg_quality : 0 to 100.
    """
    height, width = picture.shape[:2]
    with replacing(path) as aside, tifffile.TiffWriter(aside) as file:
        for downsample in DOWNSAMPLES:
            size = (max(width // downsample, 1), max(height // downsample, 1))
            level = picture if downsample == 1 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            per_cm = 1e4 / (mpp * width / size[0])
            file.write(
                level,
                photometric="rgb",
                tile=(TILE_PX, TILE_PX),
                compression="jpeg",
                compressionargs={"level": jpeg_quality},
                resolution=(per_cm, per_cm),
                resolutionunit="CENTIMETER",
                subfiletype=0 if downsample == 1 else 1,
                software="wsi-swarm demo: drawn, not scanned",
                metadata=None,
                maxworkers=1,
            )
