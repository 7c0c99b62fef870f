"""A mask's outline as polygons with holes, in level-0 pixels."""

from __future__ import annotations

import cv2
import numpy as np

Ring = list[tuple[float, float]]
"""Corners of a closed ring; the first is repeated at the end."""


def outline(mask: np.ndarray, slide_size: tuple[int, int]) -> list[list[Ring]]:
    """Trace the pieces of a mask.

    Parameters
    ----------
    mask : (H, W) bool, covering the whole slide.
    slide_size : (width, height) of level 0 in px.

    Returns
    -------
    One polygon per piece: its outer ring, then the rings of its holes, in level-0 px.
    """
    # Doubled, because cv2 runs through pixel centres: thin parts would have no area and edges lie half a pixel in.
    double = cv2.resize(mask.astype(np.uint8), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
    scale = np.array(slide_size) / (double.shape[1], double.shape[0])
    contours, tree = cv2.findContours(double, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    polygons: dict[int, list[Ring]] = {}
    for index, contour in enumerate(contours):
        parent = int(tree[0][index][3])
        simple = cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0, :]
        if len(simple) < 3:
            continue
        corners = ((simple + 0.5) * scale).round(1)
        ring = [(float(x), float(y)) for x, y in [*corners, corners[0]]]
        if parent < 0:
            polygons[index] = [ring, *polygons.get(index, [])]
        else:
            polygons.setdefault(parent, []).append(ring)
    return list(polygons.values())
