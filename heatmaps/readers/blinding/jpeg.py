"""What lies in a JPEG besides its picture."""

from __future__ import annotations

from dataclasses import dataclass, field

_NAMES = {0xE1: "EXIF or XMP", 0xE2: "a colour profile", 0xED: "IPTC", 0xEE: "Adobe's segment", 0xFE: "a comment"}
_NEEDED = {0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDA, 0xDD}
_FRAMES = {0xC0, 0xC1, 0xC2}
_JFIF_LENGTH = 16


@dataclass
class Jpeg:
    """Size in px, and every byte that a picture does not need: what it is, and the bytes."""

    size: tuple[int, int] = (0, 0)
    extras: list[tuple[str, bytes]] = field(default_factory=list)


def read_jpeg(data: bytes) -> Jpeg | None:
    """Take a JPEG apart; None if it is none."""
    if data[:2] != b"\xff\xd8":
        return None
    jpeg, at = Jpeg(), 2
    while at + 2 <= len(data):
        if data[at] != 0xFF:
            return None
        if data[at + 1] == 0xFF:  # a fill byte
            at += 1
            continue
        marker = data[at + 1]
        if marker == 0xD9:
            if data[at + 2 :]:
                jpeg.extras.append(("bytes after its end", data[at + 2 :]))
            return jpeg if jpeg.size != (0, 0) else None
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if length < 2 or len(body) != length - 2:
            return None
        _note(jpeg, marker, length, body)
        at += 2 + length
        if marker == 0xDA:
            at = _end_of_scan(data, at)
    return None


def _note(jpeg: Jpeg, marker: int, length: int, body: bytes) -> None:
    if marker in _FRAMES:
        jpeg.size = (int.from_bytes(body[3:5], "big"), int.from_bytes(body[1:3], "big"))
    plain_jfif = marker == 0xE0 and length == _JFIF_LENGTH and body[:5] == b"JFIF\0"
    if marker not in _NEEDED and not plain_jfif:
        jpeg.extras.append((_NAMES.get(marker, f"a segment of type {marker:02x}"), body))


def _end_of_scan(data: bytes, at: int) -> int:
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return len(data)
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
