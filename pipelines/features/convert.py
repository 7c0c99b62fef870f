"""Feature and tile files from one layout to another; what a layout does not know is asked for, never guessed."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from pipelines.errors import InputError, WsiSwarmError
from pipelines.features import clam, stamp, trident
from pipelines.features.content import GEOMETRY, NOTHING, Given
from pipelines.features.conversion import Conversion, find_files, refuse_contradiction, refuse_other_slide
from pipelines.features.feature_file import Features, features_bytes
from pipelines.features.read_any import Described, completed, describe_any, in_float16, read_any, read_any_tiles
from pipelines.features.tile_file import Tiles, tiles_bytes
from pipelines.files import why_not_written, write_bytes
from pipelines.job import TILE_STAGE, Claim, Job, Outcome, fingerprint
from pipelines.preparation import AUGMENTED
from pipelines.progress import progress
from pipelines.slides import MPP_TOLERANCE, Slide, SlideEntry, list_slides, open_slide

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NEEDED = {
    "native": GEOMETRY,
    "trident": GEOMETRY,
    "stamp": ("mpp", "tile_um", "tile_px", "tile_px_level0"),
    "clam": ("slide_width", "slide_height", "tile_px_level0"),
}
"""What each layout has a place for and its readers need."""


@dataclass(frozen=True)
class ConvertOptions:
    """What is made of the files, and what is known beside them.

    Attributes
    ----------
    to : "native", "trident", "stamp" or "clam".
    given : facts that the files lack.
    slides : file, folder or table of the slides, from which size and mpp are read.
    patches : folder of CLAM's tile files, where it is not beside the features.
    force : overwrite files that are there and differ.
    """

    to: str
    given: Given = NOTHING
    slides: Path | None = None
    patches: Path | None = None
    force: bool = False


def convert_files(
    sources: Sequence[Path], out: Path, options: ConvertOptions, clock: Callable[[], float] = time.time
) -> Conversion:
    """Convert feature and tile files; one that can't be converted does not stop the others.

    The order of tiles stays, and so do the vectors: bit for bit in float16 (native, STAMP), in the file's own type
    (TRIDENT) or widened to float32 (CLAM). Converting again changes nothing.

    Parameters
    ----------
    sources : .h5 or .pt files, or folders of them with their subfolders.
    out : folder in which the layout's own folders are made; a job folder for "native".
    options : layout to make, and what is known beside the files.
    clock : seconds since the epoch, for the state of slides whose tiles are converted.

    Raises
    ------
    InputError
        If there is no file, or no slide. Failures of single files are in the summary.
    """
    files = find_files(sources, out)
    run = _Run(out, options, clock)
    outcomes: list[Outcome] = []
    with progress(len(files), f"convert to {options.to}", "file") as bar:
        tiles_later: list[Path] = []
        for path in files:
            if _holds_tiles(path):
                tiles_later.append(path)
                continue
            outcomes.append(run.outcome(path, run.features))
            bar.update()
        for path in tiles_later:
            outcomes.append(run.outcome(path, run.tiles))
            bar.update()
    conversion = Conversion(options.to, out, tuple(outcomes))
    conversion.write()
    return conversion


def _holds_tiles(path: Path) -> bool:
    if path.suffix.lower() == ".pt":
        return False
    try:
        return describe_any(path).content.vectors is None
    except WsiSwarmError:
        return False  # the sentence is made where the file is converted


class _Run:
    """One call of ``convert_files``."""

    def __init__(self, out: Path, options: ConvertOptions, clock: Callable[[], float]) -> None:
        self._out = out
        self._options = options
        self._clock = clock
        self._entries = {entry.id: entry for entry in list_slides(options.slides)} if options.slides else {}
        self._written: dict[Path, Path] = {}
        self._slides: set[str] = set()

    def outcome(self, path: Path, work: Callable[[Path], Outcome]) -> Outcome:
        try:
            return work(path)
        except WsiSwarmError as error:
            return Outcome(str(path), "failed", str(error))
        except OSError as error:
            return Outcome(str(path), "failed", why_not_written(self._out, error))

    def features(self, path: Path) -> Outcome:
        options = self._options
        described, given, _ = self._known(path)
        read = read_any(path, given, options.patches)
        attrs = self._attrs(path, read.attrs, described)
        values = read.features
        if options.to in ("native", "stamp"):
            values = in_float16(path, values)
        features = Features(read.slide_id, values, read.coords, attrs)
        encoder = str(attrs.get("encoder", "")).replace("/", "--")
        # A further set of augmented tiles is no second version of the features: it gets a folder of its own.
        number = attrs.get("augmentation_set")
        part = f"{AUGMENTED}{number}" if number else ""
        folder = f"{encoder}+{part}" if part else encoder
        makers: dict[str, Callable[[], dict[PurePath, bytes]]] = {
            "native": lambda: {
                PurePath("features", encoder, part, f"{features.slide_id}.h5"): features_bytes(
                    features, part or encoder
                )
            },
            "trident": lambda: trident.files_of_features(features, folder),
            "stamp": lambda: stamp.files_of_features(features, folder),
            "clam": lambda: {
                PurePath(part) / name: data for name, data in clam.files_of_features(features, folder).items()
            },
        }
        new = self._place(path, makers[options.to]())
        self._slides.add(features.slide_id)
        stored = read.features
        rounded = values.dtype != stored.dtype and bool((values.astype(stored.dtype) != stored).any())
        return _done(path, new, len(values), attrs, _notes(attrs, rounded=rounded))

    def tiles(self, path: Path) -> Outcome:
        to = self._options.to
        described, given, entry = self._known(path)
        tiles = read_any_tiles(path, given)
        if to == "stamp" and tiles.slide_id in self._slides:
            note = "its features are converted; STAMP has no layout for tiles alone"
            return Outcome(str(path), "done", note, _counts(len(tiles.coords), described.attrs))
        if to == "stamp":
            msg = f"{path} holds tiles and no features, and STAMP has no layout for that; choose another --to"
            raise InputError(msg)
        attrs = self._attrs(path, tiles.attrs, described, tiles_only=True)
        tiles = Tiles(tiles.slide_id, tiles.coords, attrs)
        if to == "native":
            attrs.setdefault("mpp_origin", "given")
            return self._native_tiles(path, tiles, described, entry)
        made = trident.files_of_tiles(tiles) if to == "trident" else clam.files_of_tiles(tiles)
        if all(self._out / name in self._written for name in made):
            return Outcome(
                str(path), "done", "its tiles were written with its features", _counts(len(tiles.coords), attrs)
            )
        return _done(path, self._place(path, made), len(tiles.coords), attrs, _notes(attrs))

    def _known(self, path: Path) -> tuple[Described, Given, SlideEntry | None]:
        """Return what the file says, and what is known beside it, of its slide above all."""
        options = self._options
        described = describe_any(path, options.given, options.patches)
        refuse_contradiction(path, options.given, described)
        if options.slides is None:
            return described, options.given, None
        entry = self._entries.get(described.content.slide_id)
        if entry is None:
            msg = f"{path}: no slide {described.content.slide_id} in {options.slides}; add it, or leave --slides out"
            raise InputError(msg)
        with self._open(entry) as slide:
            given = replace(options.given, mpp=slide.mpp, slide_size=slide.size)
            refuse_other_slide(path, described.content.facts, slide.size, slide.mpp)
        return describe_any(path, given, options.patches), given, entry

    def _open(self, entry: SlideEntry) -> Slide:
        return open_slide(entry.path, entry.mpp or self._options.given.mpp, only_if_missing=True, mpp_flag="--mpp")

    def _attrs(
        self, path: Path, attrs: dict[str, Any], described: Described, *, tiles_only: bool = False
    ) -> dict[str, Any]:
        needed = [*_NEEDED[self._options.to], *(() if tiles_only or self._options.to == "clam" else ("encoder",))]
        whole = completed(path, attrs, needed, tiles_only=tiles_only)
        return whole if described.content.ours else {**whole, "converted_from": described.content.layout}

    def _native_tiles(self, path: Path, tiles: Tiles, described: Described, entry: SlideEntry | None) -> Outcome:
        name = PurePath("tiles", f"{tiles.slide_id}.h5")
        count = len(tiles.coords)
        if entry is None:
            note = "give --slides, or `wsi-swarm extract` will not take these tiles"
            return _done(path, self._place(path, {name: tiles_bytes(tiles, "tiles")}), count, tiles.attrs, [note])
        with self._open(entry) as slide:
            tiles.attrs["mpp_origin"] = slide.mpp_origin
            parameters = {
                "converted_from": described.content.layout,
                "slide": fingerprint(entry.path),
                "slide_mpp": slide.mpp if slide.mpp_origin == "given" else None,
            }
        with Job(self._out, self._clock) as job:
            claim = job.claim(entry, TILE_STAGE, parameters, [self._out / name])
            if not isinstance(claim, Claim):
                return replace(claim, slide_id=str(path))
            try:
                self._place(path, {name: tiles_bytes(tiles, "tiles")})
            except (WsiSwarmError, OSError) as error:
                return replace(claim.failed(str(error)), slide_id=str(path))
            return replace(claim.done(_counts(count, tiles.attrs)), slide_id=str(path))

    def _place(self, source: Path, made: dict[PurePath, bytes]) -> bool:
        """Write files below the output folder unless they are there; return whether one was written."""
        pending: dict[Path, bytes] = {}
        for name, data in made.items():
            path = self._out / name
            if path.is_file() and path.read_bytes() == data:
                self._written.setdefault(path, source)
                continue
            if path in self._written and self._written[path] != source:
                msg = f"{source} and {self._written[path]} both make {path}; convert them into two folders"
                raise InputError(msg)
            if path.exists() and not self._options.force:
                msg = f"{path} is there already and differs from what {source} gives; use --force or another --out"
                raise InputError(msg)
            pending[path] = data
        for path, data in pending.items():
            write_bytes(path, data)
            self._written[path] = source
        return bool(pending)


def _notes(attrs: dict[str, Any], *, rounded: bool = False) -> list[str]:
    notes = ["float32 was rounded to float16"] if rounded else []
    real, nominal = attrs.get("tile_um"), attrs.get("nominal_tile_um")
    if real and nominal and abs(real / nominal - 1) > MPP_TOLERANCE:
        notes.append(f"its tiles measure {real:.4g} µm; {nominal:.4g} µm is what they were meant to be")
    return notes


def _counts(tiles: int, attrs: dict[str, Any]) -> dict[str, Any]:
    return {"tiles": tiles, "dropped": attrs.get("dropped", {})}


def _done(path: Path, new: bool, tiles: int, attrs: dict[str, Any], notes: Sequence[str]) -> Outcome:
    return Outcome(str(path), "done" if new else "done before", "; ".join(notes), _counts(tiles, attrs))
