"""Which files are converted, what would contradict them, and what became of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import InputError, PartialError
from pipelines.files import write_json
from pipelines.slides import MPP_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipelines.features.content import Given
    from pipelines.features.read_any import Described
    from pipelines.job import Outcome

REPORT = "convert.json"
_SUFFIXES = frozenset({".h5", ".hdf5", ".pt"})


@dataclass(frozen=True)
class Conversion:
    """What became of all files; ``convert.json`` in the output folder holds the same.

    Attributes
    ----------
    to : layout.
    folder : output folder.
    outcomes : one per file, ``slide_id`` being its path; ``reason`` is a note where it is done.
    """

    to: str
    folder: Path
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[Outcome]:
        """Return the files that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    def write(self) -> None:
        """Write ``convert.json``."""
        write_json(self.folder / REPORT, {"to": self.to, "files": [vars(outcome) for outcome in self.outcomes]})

    def markdown(self) -> str:
        """Return the result for a person: one line, then what is to be said of single files."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        parts = ", ".join(f"{number} {status}" for status, number in sorted(counted.items()))
        tiles = sum(outcome.counts.get("tiles", 0) for outcome in self.outcomes)
        notes = [f"- {outcome.slide_id}: {outcome.reason}" for outcome in self.outcomes if outcome.reason]
        return "\n".join([f"convert to {self.to}: {parts}; {tiles} tiles; {self.folder}", *notes])

    def check(self) -> None:
        """Raise ``PartialError`` if a file failed."""
        if self.failed:
            where = self.folder / REPORT
            msg = f"{len(self.failed)} of {len(self.outcomes)} files failed; each is named with its reason in {where}"
            raise PartialError(msg)


def find_files(sources: Sequence[Path], out: Path | None = None) -> list[Path]:
    """List the .h5 and .pt files of files and folders; a .pt file whose .h5 file is there too is left out.

    Raises
    ------
    InputError
        If there is none.
    """
    found: list[Path] = []
    for source in sources:
        if not source.exists():
            msg = f"{source} does not exist; name feature files or a folder of them"
            raise InputError(msg)
        inside = sorted(source.rglob("*")) if source.is_dir() else [source]
        found += [path for path in inside if path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")]
    target = out.resolve() if out is not None else None
    ours = [path for path in found if target is not None and target in path.resolve().parents]
    kept = [path for path in dict.fromkeys(found) if path not in ours or path in sources]
    paired = {path for path in kept if path.suffix.lower() in {".h5", ".hdf5"}}
    kept = [path for path in kept if path.suffix != ".pt" or not _partners(path) & paired]
    if not kept:
        msg = (
            f"{', '.join(str(source) for source in sources)}: no .h5 or .pt file there; name a folder of feature files"
        )
        raise InputError(msg)
    return kept


def _partners(path: Path) -> set[Path]:
    return {path.parent.parent / "h5_files" / f"{path.stem}.h5", path.with_suffix(".h5")}


def refuse_contradiction(path: Path, given: Given, described: Described) -> None:
    """Refuse a flag that says something else than the file; raises ``InputError``."""
    facts = described.content.facts
    stated = (("encoder", given.encoder), ("tile_um", given.tile_um), ("tile_px", given.tile_px), ("mpp", given.mpp))
    for name, value in stated:
        if value is None or name not in facts or facts[name] == value:
            continue
        if isinstance(value, float) and abs(facts[name] / value - 1) <= MPP_TOLERANCE:
            continue
        flag = "--" + name.replace("_", "-")
        msg = f"{path} says {facts[name]} and {flag} says {value}; leave {flag} out for this file"
        raise InputError(msg)


def refuse_other_slide(path: Path, facts: dict[str, Any], size: tuple[int, int], mpp: float) -> None:
    """Refuse a slide that is not the one of the file; raises ``InputError``."""
    stated = facts.get("slide_width"), facts.get("slide_height")
    if None not in stated and stated != tuple(size):
        msg = f"{path} was made from a slide of {stated[0]} x {stated[1]} px and the slide has {size[0]} x {size[1]} px"
        raise InputError(f"{msg}; name the right slides")
    if "mpp" in facts and abs(facts["mpp"] / mpp - 1) > MPP_TOLERANCE:
        msg = f"{path} was made at {facts['mpp']:g} µm per pixel and the slide has {mpp:g}; name the right slides"
        raise InputError(msg)
