"""The process that opens damaged slides: reads "case reader" lines, answers each with one line of JSON.

Started by ``campaign.py``, which watches it and starts another where this one dies or hangs.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import resource
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from cases import Source, damage

if TYPE_CHECKING:
    from pipelines.slides import Slide

MEMORY_BYTES = 3 * 2**30
"""What one slide may take beyond what the libraries need; also virtual, so that an allocation that was only asked
for counts."""
TILE_PX = 224
OVERVIEW_MPP, PREVIEW_PX = 8.0, 1600
LARGEST_OVERVIEW_PX = 3 * 10**7
"""An overview of a slide without small levels reads all of it: some seconds per 10^9 px, sound or not. Of what is
larger only tiles are read here."""


def use_slide(path: Path, reader: str, rng_seed: int) -> str:
    """Open a slide and read what ``tile`` and ``extract`` read of it; return what became of it in a word."""
    import random

    from pipelines.errors import InputError
    from pipelines.slides import UnreadableRegion, open_slide

    try:
        # The word is new; "auto" is what it was before.
        how = {} if reader == "auto" else {"reader": reader}
        slide = open_slide(path, 0.5, only_if_missing=True, **how)
    except InputError as error:
        return _sentence("refused", error)
    rng = random.Random(rng_seed)
    with slide:
        large = px_of_overview(slide) > LARGEST_OVERVIEW_PX
        try:
            overview = None if large else slide.overview(OVERVIEW_MPP)
            if not large:
                slide.thumbnail(max(slide.size) * slide.mpp / PREVIEW_PX)
        except InputError as error:
            return _sentence("no overview", error)
        if overview and overview.readable.shape != overview.image.shape[:2]:
            return "wrong overview shape"
        width, height = slide.size
        side = TILE_PX * 0.5 / slide.mpp
        corners = [(0, 0), (max(0, width - side) / 2, max(0, height - side) / 2), (width - side, height - side)]
        corners += [(rng.random() * width, rng.random() * height) for _ in range(2)]
        read = 0
        for x, y in corners:
            try:
                tile = slide.read_region(x, y, side, side, (TILE_PX, TILE_PX))
            except UnreadableRegion as error:
                word = _sentence("", error)
                if word.strip():
                    return word
            else:
                if tile.shape != (TILE_PX, TILE_PX, 3) or tile.dtype != "uint8":
                    return f"wrong tile {tile.shape} {tile.dtype}"
                read += 1
        wrong = read_together(slide, corners, side) if hasattr(slide, "read_tiles") else ""
        return wrong or f"valid{' and large' if large else ''}, {read} of {len(corners)} tiles"


def use_features(path: Path) -> str:
    """Read a feature or tile file in every way there is."""
    from pipelines.errors import InputError
    from pipelines.features import read_features, read_tiles
    from pipelines.features.read_any import describe_any, read_any, read_any_tiles
    from pipelines.inspection import inspect_hdf5

    words = set()
    for use in (read_features, read_tiles, describe_any, read_any, read_any_tiles, inspect_hdf5):
        if path.suffix == ".pt" and use in (read_features, read_tiles, inspect_hdf5):
            continue
        try:
            use(path)
            words.add("valid, ")
        except InputError as error:
            words.add(_sentence("refused", error))
        gc.collect()  # what a refused file had claimed
    return next((word for word in words if not word.startswith("refused: ")), next(iter(words)))


def use_table(path: Path) -> str:
    """List the slides of a table and ask for each whether it is there."""
    from pipelines.errors import InputError
    from pipelines.job import fingerprint
    from pipelines.slides import list_slides

    try:
        for entry in list_slides(path):
            fingerprint(entry.path)
    except InputError as error:
        return _sentence("refused", error)
    return "valid, "


def use_mask(path: Path) -> str:
    """Read the areas that somebody drew, and count which part of each tile they cover."""
    from pipelines.errors import InputError
    from pipelines.grid import make_grid
    from pipelines.tissue.coverage import polygon_fraction
    from pipelines.tissue.drawn_mask import read_mask

    try:
        mask = read_mask(path)
    except InputError as error:
        return _sentence("refused", error)
    fraction = polygon_fraction(mask.include, mask.exclude, make_grid((4000, 3000), 0.5, 0.5, 224, 0))
    return "valid, " if ((fraction >= -1e-9) & (fraction <= 1 + 1e-9)).all() else f"covered {fraction.max()}"


USES = {".h5": use_features, ".pt": use_features, ".csv": use_table, ".xlsx": use_table, ".geojson": use_mask}


def px_of_overview(slide: Slide) -> int:
    """Return how many px the larger of the two pictures of the whole slide averages."""
    most = 0
    for mpp in (OVERVIEW_MPP, max(slide.size) * slide.mpp / PREVIEW_PX):
        wanted = max(1.0, mpp / slide.mpp / 2)
        fits = [size for size, down in zip(slide.level_sizes, slide._downsamples, strict=True) if down <= wanted]
        width, height = (fits or slide.level_sizes[:1])[-1]
        most = max(most, width * height)
    return most


def read_together(slide: object, corners: list[tuple[float, float]], side: float) -> str:
    """Return what is wrong with tiles that are read as one block, or nothing."""
    import numpy as np

    from pipelines.slides import UnreadableRegion

    whole = np.array([(max(0, round(x)), max(0, round(y))) for x, y in corners], np.int64)
    for tile, (x, y) in zip(slide.read_tiles(whole, side, TILE_PX), whole.tolist(), strict=True):
        try:
            alone = slide.read_region(x, y, side, side, (TILE_PX, TILE_PX))
        except UnreadableRegion:
            alone = None
        if isinstance(tile, UnreadableRegion) != (alone is None):
            return f"a tile at {x},{y} is readable in one way only"
        if alone is not None and not np.array_equal(tile, alone):
            return f"a tile at {x},{y} differs between read_tiles and read_region"
    return ""


def _sentence(word: str, error: Exception) -> str:
    text = str(error)
    if not text or not text.isprintable():
        return f"message is not one printable line: {text!r}"
    if len(text) > 700:
        return f"message of {len(text)} characters: {text[:300]!r}"
    return f"{word}: {text}" if word else ""


def open_files() -> int:
    """Count this process's file descriptors."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def run_case(source: Source, scratch: Path, seed: int, reader: str) -> dict[str, object]:
    """Make the damaged copy, use it, say what happened."""
    sound = (source.folder / source.member).read_bytes()
    data, how = damage(sound, seed)
    member = scratch / source.member
    member.write_bytes(data)
    before, started = open_files(), time.process_time()
    try:
        path = scratch / source.slide
        use = USES.get(path.suffix)
        outcome = use(path) if use else use_slide(path, reader, seed)
    except BaseException as error:
        outcome = f"raised {type(error).__name__}: {error}"[:300]
        outcome += " <- " + " <- ".join(
            f"{f.name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[::-1][:6]
        )
        if isinstance(error, KeyboardInterrupt):
            raise
    seconds = time.process_time() - started
    if open_files() > before:
        gc.collect()
        if open_files() > before:
            outcome = f"leaves {open_files() - before} files open; {outcome}"
    return {"outcome": outcome, "how": how, "cpu_s": round(seconds, 2)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("scratch", type=Path)
    parser.add_argument("sources", nargs="+")
    arguments = parser.parse_args()
    sources = [Source.of(text) for text in arguments.sources]

    import cv2

    kinds = {Path(source.slide).suffix for source in sources}
    if kinds & set(USES):
        import pandas  # noqa: F401

    if ".pt" in kinds:
        import torch  # noqa: F401

    cv2.setNumThreads(1)
    logging.getLogger("tifffile").disabled = True  # thousands of complaints, which would hide the last words
    places = []
    for index, source in enumerate(sources):
        places.append(arguments.scratch / str(index) / (source.folder.name if not source.slide else "slide"))
        source.copy_to(places[-1])
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES,) * 2)
    gc.freeze()
    print(json.dumps("ready"), flush=True)
    at = -1
    for line in sys.stdin:
        index, seed, reader = line.split()
        if at not in (-1, int(index)):
            sound = sources[at].folder / sources[at].member
            (places[at] / sources[at].member).write_bytes(sound.read_bytes())
        at = int(index)
        print(json.dumps(run_case(sources[at], places[at], int(seed), reader)), flush=True)


if __name__ == "__main__":
    main()
