"""A case: one damaged copy of a file, made from a source's name and a seed and nothing else."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dicom_mutations
import tiff_mutations

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_MUTATIONS = 4
_WORDS = (
    b"0",
    b"-1",
    b"1",
    b"99999999",
    b"4294967296",
    b"nan",
    b"inf",
    b"1e-300",
    b"",
    b"text",
    b"../../../etc",
    b"\n[",
)


@dataclass(frozen=True)
class Source:
    """A sound slide and the one of its files that is damaged; ``member`` is relative to ``folder``."""

    name: str
    folder: Path
    slide: str
    member: str
    alone: bool

    @classmethod
    def of(cls, text: str) -> Source:
        """Make a source from "FILE", "FOLDER::MEMBER" (a slide of many files) or "FILE.mrxs::MEMBER"."""
        where, _, member = text.partition("::")
        path = Path(where)
        if not member:
            return cls(path.name, path.parent, path.name, path.name, alone=True)
        if path.is_dir():
            return cls(f"{path.name}::{member}", path, "", member, alone=False)
        return cls(f"{path.name}::{member}", path.parent, path.name, f"{path.stem}/{member}", alone=False)

    def copy_to(self, scratch: Path) -> None:
        """Copy the sound slide."""
        target = scratch / self.member
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.alone:
            return
        if not self.slide:
            shutil.copytree(self.folder, scratch, dirs_exist_ok=True)
        else:
            shutil.copy(self.folder / self.slide, scratch)
            companion = Path(self.slide).stem
            shutil.copytree(self.folder / companion, scratch / companion, dirs_exist_ok=True)


def damage(data: bytes, seed: int) -> tuple[bytes, str]:
    """Return a damaged copy and the names of the mutations; equal input gives equal output."""
    rng = random.Random(seed)
    mutators = _mutators(data)
    names = []
    for _ in range(rng.choice((1, 1, 1, 2, MOST_MUTATIONS))):
        mutator = rng.choice(mutators)
        try:
            data = mutator(data, rng)
        except (ValueError, IndexError, ArithmeticError, struct_error()):
            names.append(f"({mutator.__name__})")  # an earlier mutation took away what this one looks for
        else:
            names.append(mutator.__name__)
    return data, "+".join(names)


def struct_error() -> type[Exception]:
    """Return what ``struct`` raises."""
    import struct

    return struct.error


def _mutators(data: bytes) -> tuple[Callable[[bytes, random.Random], bytes], ...]:
    if data[:4] in (b"II*\0", b"MM\0*"):
        return tiff_mutations.MUTATORS
    if data[128:132] == b"DICM":
        return dicom_mutations.MUTATORS
    return (plain_flip, plain_overwrite, plain_truncate, plain_words, plain_repeat)


def plain_flip(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 3, 30))):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def plain_overwrite(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    raw = rng.choice((b"\0", b"\xff", b"\x7f", rng.randbytes(1))) * rng.choice((1, 4, 8, 64))
    return (data[:at] + raw + data[at + len(raw) :])[: len(data)]


def plain_truncate(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data))]


def plain_words(data: bytes, rng: random.Random) -> bytes:
    """Replace the value of one KEY = VALUE line, of one row, or of one word."""
    lines = data.split(b"\n")
    index = rng.randrange(len(lines))
    separator = rng.choice((b"=", b",", b":", b" "))
    head, found, _ = lines[index].partition(separator)
    lines[index] = head + found + rng.choice(_WORDS)
    return b"\n".join(lines)


def plain_repeat(data: bytes, rng: random.Random) -> bytes:
    lines = data.split(b"\n")
    index = rng.randrange(len(lines))
    return b"\n".join(lines[:index] + [lines[index]] * rng.choice((0, 2, 3000)) + lines[index + 1 :])
