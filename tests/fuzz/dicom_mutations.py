"""Damage to DICOM files: tags, lengths, value representations, sizes, syntaxes."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tiff_mutations import INTERESTING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

LONG_VRS = (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
VRS = (*LONG_VRS, b"US", b"UL", b"UI", b"DS", b"IS", b"CS", b"FD", b"FL", b"SS", b"\0\0", b"??")
UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END, PIXELS = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD), (0x7FE0, 0x0010)
SYNTAXES = (
    b"1.2.840.10008.1.2",
    b"1.2.840.10008.1.2.1",
    b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.1.99",
    b"1.2.840.10008.1.2.4.50",
    b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.80",
    b"1.2.840.10008.1.2.4.90",
    b"1.2.840.10008.1.2.4.201",
    b"1.2.840.10008.1.2.5",
    b"nonsense",
)
PHOTOMETRICS = (
    b"RGB",
    b"YBR_FULL_422",
    b"YBR_FULL",
    b"YBR_ICT",
    b"YBR_RCT",
    b"MONOCHROME1",
    b"MONOCHROME2",
    b"PALETTE COLOR",
)
IMPORTANT = {
    (0x0002, 0x0010): SYNTAXES,
    (0x0008, 0x0008): (b"DERIVED\\PRIMARY\\VOLUME\\NONE", b"ORIGINAL\\PRIMARY\\LABEL\\NONE", b"", b"\\\\\\", b"X"),
    (0x0020, 0x9311): (b"TILED_SPARSE", b"TILED_FULL", b""),
    (0x0028, 0x0002): None,
    (0x0028, 0x0004): PHOTOMETRICS,
    (0x0028, 0x0006): None,
    (0x0028, 0x0008): (b"0", b"1", b"-1", b"99999999", b"2147483648", b"x", b""),
    (0x0028, 0x0010): None,
    (0x0028, 0x0011): None,
    (0x0028, 0x0030): (
        b"0\\0",
        b"nan\\nan",
        b"1e-300\\1e300",
        b"inf\\inf",
        b"0.0005",
        b"-1\\-1",
        b"x",
        b"0.0005\\0.0009",
    ),
    (0x0028, 0x0100): None,
    (0x0028, 0x0101): None,
    (0x0028, 0x0102): None,
    (0x0028, 0x0103): None,
    (0x0048, 0x0006): None,
    (0x0048, 0x0007): None,
}


@dataclass(frozen=True)
class Element:
    """One data element: where it starts, its tag and VR, where its length and value lie."""

    at: int
    tag: tuple[int, int]
    vr: bytes
    length_at: int
    length_bytes: int
    value_at: int
    length: int


def elements(data: bytes, start: int = 132, end: int | None = None) -> list[Element]:
    """Return the elements of an explicit little-endian file, items and sequences entered, pixel data not."""
    found: list[Element] = []
    at, end = start, len(data) if end is None else min(end, len(data))
    while at + 8 <= end:
        tag = struct.unpack_from("<HH", data, at)
        if tag[0] == 0xFFFE:
            (length,) = struct.unpack_from("<I", data, at + 4)
            found.append(Element(at, tag, b"", at + 4, 4, at + 8, length))
            at += 8
            continue
        vr = data[at + 4 : at + 6]
        if vr in LONG_VRS:
            if at + 12 > end:
                break
            (length,) = struct.unpack_from("<I", data, at + 8)
            found.append(Element(at, tag, vr, at + 8, 4, at + 12, length))
            if tag == PIXELS:
                break
            at += 12 if vr == b"SQ" or length == UNDEFINED else 12 + length
        else:
            (length,) = struct.unpack_from("<H", data, at + 6)
            found.append(Element(at, tag, vr, at + 6, 2, at + 8, length))
            at += 8 + length
    return found


def _put(data: bytes, at: int, raw: bytes) -> bytes:
    return data[:at] + raw + data[at + len(raw) :]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    header = elements(data)[-1].value_at
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        out[rng.randrange(min(header + 40, len(out)))] ^= 1 << rng.randrange(8)
    return bytes(out)


def tag(data: bytes, rng: random.Random) -> bytes:
    found = elements(data)
    other = rng.choice(
        (*(e.tag for e in found), ITEM, ITEM_END, SEQUENCE_END, (rng.randrange(65536), rng.randrange(65536)))
    )
    return _put(data, rng.choice(found).at, struct.pack("<HH", *other))


def representation(data: bytes, rng: random.Random) -> bytes:
    element = rng.choice([e for e in elements(data) if e.vr])
    return _put(data, element.at + 4, rng.choice(VRS))


def length(data: bytes, rng: random.Random) -> bytes:
    element = rng.choice(elements(data))
    value = rng.choice((*INTERESTING, UNDEFINED, element.length + 1, element.length + 2, max(0, element.length - 1)))
    raw = struct.pack("<I", value) if element.length_bytes == 4 else struct.pack("<H", value & 0xFFFF)
    return _put(data, element.length_at, raw)


def important_value(data: bytes, rng: random.Random) -> bytes:
    """Give an element that decides about geometry or decoding another value of the same or another length."""
    places = [e for e in elements(data) if e.tag in IMPORTANT and e.vr]
    if not places:
        return length(data, rng)
    element = rng.choice(places)
    values = IMPORTANT[element.tag]
    if values is None:
        value = rng.choice((*INTERESTING, rng.randrange(3000)))
        raw = struct.pack("<I", value)[: element.length] if element.length in (2, 4) else struct.pack("<I", value)
    else:
        raw = rng.choice(values)
        raw += b"\0" * (len(raw) % 2)
    head = data[: element.length_at] + len(raw).to_bytes(element.length_bytes, "little")
    return head + raw + data[element.value_at + element.length :]


def drop_element(data: bytes, rng: random.Random) -> bytes:
    element = rng.choice([e for e in elements(data)[:-1] if e.length != UNDEFINED and e.vr and e.vr != b"SQ"])
    return data[: element.at] + data[element.value_at + element.length :]


def double_element(data: bytes, rng: random.Random) -> bytes:
    element = rng.choice([e for e in elements(data)[:-1] if e.length != UNDEFINED and e.vr and e.vr != b"SQ"])
    end = element.value_at + element.length
    piece = data[element.at : end]
    return data[:end] + piece * min(rng.choice((1, 1, 500)), 10**6 // len(piece) + 1) + data[end:]


def deep_sequence(data: bytes, rng: random.Random) -> bytes:
    """Nest sequences without end before the pixel data."""
    opening = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, UNDEFINED) + struct.pack("<HHI", *ITEM, UNDEFINED)
    at = elements(data)[-1].at
    return data[:at] + opening * rng.choice((10, 300, 20_000)) + data[at:]


def truncate(data: bytes, rng: random.Random) -> bytes:
    element = rng.choice(elements(data))
    return data[: rng.choice((rng.randrange(len(data)), element.at, element.value_at, element.length_at + 1, 132, 131))]


def pixel_items(data: bytes, rng: random.Random) -> bytes:
    """Damage the encapsulated frames: the offset table, an item's tag or length, the bytes of a frame."""
    start = elements(data)[-1].value_at
    if start + 16 >= len(data):
        return flip_bits(data, rng)
    choice = rng.randrange(3)
    if choice == 0:
        return _put(data, start, rng.randbytes(rng.choice((4, 8))))
    if choice == 1:
        return _put(data, start + 4, struct.pack("<I", rng.choice((*INTERESTING, UNDEFINED))))
    out = bytearray(data)
    for _ in range(rng.choice((1, 10, 100))):
        out[rng.randrange(start, len(out))] = rng.randrange(256)
    return bytes(out)


def preamble(data: bytes, rng: random.Random) -> bytes:
    choice = rng.randrange(3)
    if choice == 0:
        return data[132:]
    if choice == 1:
        return rng.choice((b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08", b"\xff\xd8\xff\xe0")) + data[8:]
    return data[:128] + rng.choice((b"DICN", b"\0\0\0\0")) + data[132:]


MUTATORS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bits,
    flip_bits,
    tag,
    representation,
    length,
    length,
    important_value,
    important_value,
    important_value,
    drop_element,
    double_element,
    deep_sequence,
    truncate,
    pixel_items,
    preamble,
)
