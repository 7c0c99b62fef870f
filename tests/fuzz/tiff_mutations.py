"""Damage to TIFF files where it hurts most: the header, the directories, their values, the texts of the vendors."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
INTERESTING = (0, 1, 2, 3, 7, 8, 15, 16, 255, 256, 4095, 32767, 32768, 65535, 65536, 10**6, 2**24, 2**28)
INTERESTING += (2**31 - 1, 2**31, 2**31 + 1, 2**32 - 256, 2**32 - 1)
GEOMETRY_TAGS = {
    "NewSubfileType": 254,
    "ImageWidth": 256,
    "ImageLength": 257,
    "BitsPerSample": 258,
    "Compression": 259,
    "Photometric": 262,
    "StripOffsets": 273,
    "Orientation": 274,
    "SamplesPerPixel": 277,
    "RowsPerStrip": 278,
    "PlanarConfiguration": 284,
    "Predictor": 317,
    "TileWidth": 322,
    "TileLength": 323,
    "TileOffsets": 324,
    "TileByteCounts": 325,
    "SubIFDs": 330,
    "SampleFormat": 339,
    "YCbCrSubsampling": 530,
    "ImageDepth": 32997,
    "TileDepth": 32998,
}
COMPRESSIONS = (1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 33003, 33005, 34712, 34887, 34925, 50000, 50001, 65535)
DESCRIPTION, SOFTWARE, XMP, JPEG_TABLES, TILE_OFFSETS, TILE_BYTES, MAKE, MODEL = 270, 305, 700, 347, 324, 325, 271, 272
NUMBERS = (
    "nan",
    "inf",
    "-inf",
    "1e-300",
    "1e300",
    "-0.5",
    "0",
    "0,499",
    "half",
    "",
    "0x1p-2",
    "9" * 400,
    "\n",
    "0.5 0.5",
)
VENDOR_TEXTS = (
    "Aperio Image Library v11.2.1\r\n46000x32914 [0,0 2220x2967] (256x256) JPEG/RGB Q=70|AppMag = {n}|MPP = {n}|",
    "Aperio Fake |Left = {n}|Top = {n}|MPP = {n}|AppMag = {n}|Filtered = {n}",
    '<?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection name="x" '
    'sizeX="{n}" sizeY="{n}"><image name="i"><view sizeX="{n}" sizeY="{n}" offsetX="{n}" offsetY="{n}"/><pixels '
    'sizeX="{n}" sizeY="{n}"><dimension sizeX="{n}" sizeY="{n}" r="0" ifd="{i}"/><dimension sizeX="10" sizeY="10" '
    'r="1" ifd="{i}"/></pixels><scanSettings><objectiveSettings><objective>{n}</objective></objectiveSettings>'
    "<illuminationSettings><illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings>"
    "</image></collection></scn>",
    '<?xml version="1.0"?><DataObject ObjectType="DPUfsImport"><Attribute Name="PIM_DP_SCANNED_IMAGES"><Array>'
    '<DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">WSI</Attribute><Attribute '
    'Name="DICOM_PIXEL_SPACING">"{n}" "{n}"</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE">'
    '<Array><DataObject ObjectType="PixelDataRepresentation"><Attribute Name="DICOM_PIXEL_SPACING">"{n}" "{n}"'
    '</Attribute><Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_NUMBER">{i}</Attribute></DataObject></Array>'
    "</Attribute></DataObject></Array></Attribute></DataObject>",
    '<?xml version="1.0"?><iScan ScanRes="{n}" Magnification="{n}" Z-layers="{i}"/>',
    '<EncodeInfo Ver="{i}"><SlideStitchInfo><ImageInfo AOIScanned="1" Width="{i}" Height="{i}" NumRows="{i}" '
    'NumCols="{i}" Pos-X="{n}" Pos-Y="{n}"><TileJointInfo FlagJoined="1" Confidence="{n}" Direction="LEFT" '
    'Tile1="{i}" Tile2="{i}" OverlapX="{n}" OverlapY="{n}"/></ImageInfo></SlideStitchInfo><AoiOrigin><AOI0 '
    'OriginX="{i}" OriginY="{i}"/></AoiOrigin></EncodeInfo>',
    "Background Color={n};Magnification={n};Objective Power={n};OverlapsXY= {i} {i} {i} {i};JPEG Quality=80",
    "level=0 mag=20 quality={n} overlap={i}\n<Label>Level 0</Label>",
    '<?xml version="1.0"?>' + "<a>" * 3000,
    '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]><iScan Magnification="&d;"/>',
    '{{"shape": [{i}, {i}, 3], "axes": "YXS"}}',
    '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels '
    'DimensionOrder="XYCZT" SizeX="{i}" SizeY="{i}" SizeC="3" SizeZ="{i}" SizeT="{i}" Type="uint8" PhysicalSizeX="{n}"'
    ' PhysicalSizeY="{n}"><Channel ID="Channel:0:0" SamplesPerPixel="3"/><TiffData IFD="{i}"/></Pixels></Image></OME>',
    "ImageJ=1.53\nimages={i}\nslices={i}\nhyperstack=true\nspacing={n}\n",
)
SOFTWARES = ("Philips DP v1.0", "MedScan", "ScanOutputManager", "iScan", "Aperio", "ScanImage.", "tifffile.py", "\xff")


@dataclass(frozen=True)
class Entry:
    """One directory entry: where it lies, what it says."""

    at: int
    tag: int
    type: int
    count: int
    value_at: int
    value_bytes: int


@dataclass(frozen=True)
class Directory:
    """One IFD: the place of the pointer to it, its own place, its entries, the place of its next pointer."""

    pointer_at: int
    at: int
    entries: tuple[Entry, ...]
    next_at: int


def directories(data: bytes) -> tuple[str, list[Directory]]:
    """Return ("<" or ">", directories) of a classic TIFF, as far as they are whole and not seen before."""
    order = "<" if data[:2] == b"II" else ">"
    found: list[Directory] = []
    pointer_at, seen = 4, set[int]()
    while (at := struct.unpack_from(order + "I", data, pointer_at)[0]) and at + 6 < len(data) and at not in seen:
        seen.add(at)
        (number,) = struct.unpack_from(order + "H", data, at)
        entries = []
        for index in range(number):
            where = at + 2 + 12 * index
            tag, kind, count = struct.unpack_from(order + "HHI", data, where)
            length = SIZES.get(kind, 1) * count
            value_at = where + 8 if length <= 4 else struct.unpack_from(order + "I", data, where + 8)[0]
            entries.append(Entry(where, tag, kind, count, value_at, length))
        found.append(Directory(pointer_at, at, tuple(entries), at + 2 + 12 * number))
        pointer_at = found[-1].next_at
    return order, found


def with_tags(data: bytes, index: int, tags: Mapping[int, tuple[int, int, bytes] | None]) -> bytes:
    """Return the file with tags of one directory set to (type, count, value) or removed; the new one stands last."""
    order, all_of_them = directories(data)
    directory = all_of_them[index]
    rows = {entry.tag: data[entry.at : entry.at + 12] for entry in directory.entries}
    out = bytearray(data)
    for tag, wanted in tags.items():
        rows.pop(tag, None)
        if wanted is None:
            continue
        kind, count, value = wanted
        if len(value) > 4:
            out += b"\0" * (len(out) % 2)
            value, extra = struct.pack(order + "I", len(out)), value
            out += extra
        rows[tag] = struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    out += b"\0" * (len(out) % 2)
    place = len(out)
    out += struct.pack(order + "H", len(rows)) + b"".join(rows[tag] for tag in sorted(rows))
    out += data[directory.next_at : directory.next_at + 4]
    out[directory.pointer_at : directory.pointer_at + 4] = struct.pack(order + "I", place)
    return bytes(out)


def text_tag(text: str) -> tuple[int, int, bytes]:
    """Return an ASCII value for ``with_tags``."""
    raw = text.encode("latin-1", "replace") + b"\0"
    return 2, len(raw), raw


def vendor_text(rng: random.Random) -> str:
    """Return the description of some vendor with absurd numbers in it."""
    template = rng.choice(VENDOR_TEXTS)
    text = template
    while "{n}" in text:
        text = text.replace("{n}", rng.choice((*NUMBERS, "0.5", "20", "100000")), 1)
    while "{i}" in text:
        text = text.replace("{i}", str(rng.choice((*INTERESTING, 0, 1, -1))), 1)
    return text.replace("{{", "{").replace("}}", "}")


def _put(data: bytes, at: int, raw: bytes) -> bytes:
    return data[:at] + raw + data[at + len(raw) :] if 0 <= at <= len(data) else data


def _structure(data: bytes) -> list[range]:
    _, found = directories(data)
    areas = [range(8)]
    for directory in found:
        areas.append(range(directory.at, directory.next_at + 4))
        areas += [
            range(e.value_at, e.value_at + min(e.value_bytes, 2000)) for e in directory.entries if e.value_bytes > 4
        ]
    return [area for area in areas if len(area) and area.stop <= len(data)]


def flip_bits(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        out[rng.choice(rng.choice(_structure(data)))] ^= 1 << rng.randrange(8)
    return bytes(out)


def overwrite_bytes(data: bytes, rng: random.Random) -> bytes:
    at = rng.choice(rng.choice(_structure(data)))
    raw = rng.choice((b"\0", b"\xff", b"\x7f", b"\x80", bytes([rng.randrange(256)]))) * rng.choice((1, 2, 4, 8, 12))
    return _put(data, at, raw)[: len(data)]


def entry_field(data: bytes, rng: random.Random) -> bytes:
    order, found = directories(data)
    entry = rng.choice(rng.choice(found).entries)
    field = rng.choice(("tag", "type", "count", "value", "value"))
    if field == "tag":
        return _put(
            data, entry.at, struct.pack(order + "H", rng.choice((*GEOMETRY_TAGS.values(), rng.randrange(65536))))
        )
    if field == "type":
        return _put(data, entry.at + 2, struct.pack(order + "H", rng.choice((*range(20), 65535))))
    value = rng.choice((*INTERESTING, len(data) - 1, len(data), len(data) + 1, rng.randrange(2**32)))
    return _put(data, entry.at + (4 if field == "count" else 8), struct.pack(order + "I", value))


def next_pointer(data: bytes, rng: random.Random) -> bytes:
    order, found = directories(data)
    target = rng.choice((found[0].at, found[-1].at, rng.choice(found).at, 0, 4, 8, len(data), len(data) - 2, 2**32 - 1))
    where = rng.choice((4, *(directory.next_at for directory in found)))
    return _put(data, where, struct.pack(order + "I", target))


def geometry(data: bytes, rng: random.Random) -> bytes:
    order, found = directories(data)
    tag = rng.choice(tuple(GEOMETRY_TAGS.values()))
    values = COMPRESSIONS if tag == GEOMETRY_TAGS["Compression"] else (*INTERESTING, rng.randrange(70000))
    tags: dict[int, tuple[int, int, bytes]] = {tag: (4, 1, struct.pack(order + "I", rng.choice(values)))}
    if rng.random() < 0.3:
        other = rng.choice((256, 257, 322, 323))
        tags[other] = (4, 1, struct.pack(order + "I", rng.choice(INTERESTING)))
    index = rng.randrange(len(found)) if rng.random() < 0.4 else 0
    return with_tags(data, index, tags)


def big_slide(data: bytes, rng: random.Random) -> bytes:
    """Claim a size that might be true, with tile arrays that fit or don't."""
    order, found = directories(data)
    width, height = rng.choice((5000, 9000, 250_000, 10**6)), rng.choice((6000, 8000, 300_000, 10**6))
    number = rng.choice((1, 100, width // 256 * (height // 256) + 1))
    number = min(number, 200_000)
    tags = {256: (4, 1, struct.pack(order + "I", width)), 257: (4, 1, struct.pack(order + "I", height))}
    if rng.random() < 0.5:
        tags |= {
            TILE_OFFSETS: (4, number, struct.pack(order + f"{number}I", *([rng.randrange(len(data))] * number))),
            TILE_BYTES: (4, number, struct.pack(order + f"{number}I", *([rng.choice((0, 100, 10**6))] * number))),
        }
    return with_tags(data, 0 if rng.random() < 0.8 else rng.randrange(len(found)), tags)


def truncate(data: bytes, rng: random.Random) -> bytes:
    ends = (rng.randrange(len(data)), rng.randrange(min(64, len(data))), rng.choice(rng.choice(_structure(data))))
    return data[: rng.choice((*ends, len(data) - rng.randrange(1, min(200, len(data)))))]


def other_header(data: bytes, rng: random.Random) -> bytes:
    choice = rng.randrange(5)
    if choice == 0:
        return (b"MM" if data[:2] == b"II" else b"II") + data[2:]
    if choice == 1:
        return data[:2] + (data[3:1:-1]) + data[4:]
    if choice == 2:
        return data[:2] + rng.choice((b"\x2b\0", b"\0\x2b", b"\x4d\0", b"\x55\0")) + data[4:]
    big = struct.pack(
        "<2sHHHQ", b"II", 43, rng.choice((8, 4, 0, 65535)), rng.choice((0, 1)), rng.choice((16, 8, 0, 2**63))
    )
    return big + data[rng.choice((8, 16)) :]


def jpeg_tables(data: bytes, rng: random.Random) -> bytes:
    _, found = directories(data)
    index = rng.randrange(len(found))
    entry = next((e for e in found[index].entries if e.tag == JPEG_TABLES), None)
    if entry is None:
        raw = b"\xff\xd8" + rng.randbytes(rng.choice((0, 2, 200))) + b"\xff\xd9"
        return with_tags(data, index, {JPEG_TABLES: (7, len(raw), raw)})
    raw = bytearray(data[entry.value_at : entry.value_at + entry.value_bytes])
    choice = rng.randrange(4)
    if choice == 0:
        return with_tags(data, index, {JPEG_TABLES: None})
    if choice == 1:
        raw = raw[: rng.randrange(len(raw))]
    elif choice == 2:
        raw = bytearray(rng.randbytes(len(raw)))
    else:
        for _ in range(rng.choice((1, 2, 8))):
            raw[rng.randrange(len(raw))] = rng.randrange(256)
    return with_tags(data, index, {JPEG_TABLES: (7, len(raw), bytes(raw))})


def description(data: bytes, rng: random.Random) -> bytes:
    _, found = directories(data)
    tags = {DESCRIPTION: text_tag(vendor_text(rng))}
    if rng.random() < 0.4:
        tags[SOFTWARE] = text_tag(rng.choice(SOFTWARES))
    if rng.random() < 0.3:
        tags[XMP] = (1, *text_tag(vendor_text(rng))[1:])
    if rng.random() < 0.1:
        tags[MAKE] = text_tag("Hamamatsu")
    return with_tags(data, rng.randrange(len(found)) if rng.random() < 0.3 else 0, tags)


def hamamatsu(data: bytes, rng: random.Random) -> bytes:
    """Turn a directory into something like NDPI: private tags 65420-65449."""
    order, _ = directories(data)
    tags = {65420: (4, 1, struct.pack(order + "I", 1)), MAKE: text_tag("Hamamatsu"), MODEL: text_tag("NanoZoomer")}
    for tag in (65421, 65422, 65423, 65424, 65426, 65427, 65432, 65433, 65449):
        if rng.random() < 0.6:
            tags[tag] = (rng.choice((3, 4, 9, 11)), 1, struct.pack(order + "I", rng.choice(INTERESTING)))
    return with_tags(data, 0, tags)


def resolution(data: bytes, rng: random.Random) -> bytes:
    order, _ = directories(data)
    pair = [rng.choice((0, 1, 2, 10000, 20000, 2**31, 2**32 - 1)) for _ in range(4)]
    return with_tags(
        data,
        0,
        {
            282: (5, 1, struct.pack(order + "II", *pair[:2])),
            283: (5, 1, struct.pack(order + "II", *pair[2:])),
            296: (3, 1, struct.pack(order + "H", rng.choice((0, 1, 2, 3, 4, 65535)))),
        },
    )


def tile_places(data: bytes, rng: random.Random) -> bytes:
    order, found = directories(data)
    choices = [e for d in found for e in d.entries if e.tag in (TILE_OFFSETS, TILE_BYTES, 273, 279) and e.type == 4]
    if not choices:
        return entry_field(data, rng)
    entry = rng.choice(choices)
    out = data
    for _ in range(min(rng.choice((1, 1, 3, entry.count)), 300)):
        value = rng.choice((*INTERESTING, len(data) - 1, len(data), rng.randrange(len(data))))
        out = _put(out, entry.value_at + 4 * rng.randrange(max(1, entry.count)), struct.pack(order + "I", value))
    return out


def pixel_data(data: bytes, rng: random.Random) -> bytes:
    out = bytearray(data)
    start = rng.randrange(len(data))
    for _ in range(rng.choice((1, 4, 64))):
        out[min(len(out) - 1, start + rng.randrange(2000))] = rng.randrange(256)
    return bytes(out)


def shuffle_directories(data: bytes, rng: random.Random) -> bytes:
    """Change the order of a directory's entries, or their number."""
    order, found = directories(data)
    directory = rng.choice(found)
    if rng.random() < 0.5:
        return _put(data, directory.at, struct.pack(order + "H", rng.choice((0, 1, len(directory.entries) - 1, 65535))))
    rows = [data[e.at : e.at + 12] for e in directory.entries]
    rng.shuffle(rows)
    return _put(data, directory.at + 2, b"".join(rows))


MUTATORS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    flip_bits,
    overwrite_bytes,
    entry_field,
    entry_field,
    next_pointer,
    geometry,
    geometry,
    big_slide,
    truncate,
    other_header,
    jpeg_tables,
    description,
    description,
    hamamatsu,
    resolution,
    tile_places,
    pixel_data,
    shuffle_directories,
)
