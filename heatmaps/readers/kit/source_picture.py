"""Pictures that were made elsewhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np

from pipelines.damage import DAMAGE
from pipelines.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_picture(path: Path, ground: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """Return a picture upright and in sRGB, (height, width, 3).

    Where it is transparent, ``ground`` shows if it has the same size, and white otherwise.

    Raises
    ------
    InputError
        It is missing or unreadable.
    """
    from PIL import Image, ImageCms, ImageOps

    try:
        with Image.open(path) as opened:
            profile = opened.info.get("icc_profile")
            upright = ImageOps.exif_transpose(opened)
            clear = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
            alpha = upright.convert("RGBA").getchannel("A") if clear else None
            image = upright.convert("RGB")
        if profile:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            image = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB")) or image
        if alpha is not None:
            under = Image.new("RGB", image.size, "white")
            if ground is not None and ground.shape[1::-1] == image.size:
                under = Image.fromarray(ground)
            image = Image.composite(image, under, alpha)
    except (*DAMAGE, ImageCms.PyCMSError, Image.DecompressionBombError) as error:
        raise InputError(f"{path} cannot be read as a picture: {str(error)[:200]}") from error
    return np.asarray(image, np.uint8)
