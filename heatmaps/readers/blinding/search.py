"""Looking for names in bytes: as text in several encodings, and inside whatever is packed."""

from __future__ import annotations

import base64
import bz2
import html
import json
import lzma
import re
import zipfile
import zlib
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import numpy as np

from heatmaps.readers.blinding.names import word
from pipelines.damage import TABLE_DAMAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from heatmaps.readers.blinding.names import SecretName

_MOST = 64 * 2**20
_DEEPEST = 3
_LEAST_UNPACKED = 16
_START = 4
_SLOTS = 2**20 - 3
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
_ZLIB = re.compile(rb"\x78[\x01\x5e\x9c\xda]")


def names_in_text(text: str, names: Iterable[SecretName]) -> list[SecretName]:
    """Return which names stand in a text as words, also escaped as HTML, JSON or in a URL."""
    readings = {text, html.unescape(text), unquote(text), _unescaped(text)}
    return [name for name in names if name.telling and any(word(name.text).search(reading) for reading in readings)]


class ByteSearch:
    """Looks for names in bytes, in every encoding and inside whatever is packed.

    Many names in many pictures: the first four bytes of all patterns are compared at once, and only where one of them
    stands is a pattern compared as a whole.
    """

    def __init__(self, names: Iterable[SecretName], shortest: int) -> None:
        self._by_start: dict[int, list[tuple[bytes, bool, SecretName, str]]] = {}
        self._short: list[tuple[bytes, bool, SecretName, str]] = []
        for name in names:
            # Shorter names are not looked for: in bytes without meaning they come by chance.
            if name.telling and len(name.text) >= shortest:
                for encoded, encoding in _encodings(name.text):
                    self._add(encoded, encoding, name)
        starts = np.array(list(self._by_start), np.uint32)
        self._likely = np.zeros(_SLOTS, bool)
        self._likely[starts % _SLOTS] = True

    def find(self, data: bytes) -> list[tuple[SecretName, str]]:
        """Return which names stand in the bytes, and how."""
        found: dict[SecretName, str] = {}
        for content, how in _contents(data, 0):
            lower = content.lower()
            for encoded, exact, name, encoding in [*self._candidates(lower), *self._short]:
                if name not in found and encoded in (content if exact else lower):
                    found[name] = f"as {encoding}{how}"
        return list(found.items())

    def _add(self, encoded: bytes, encoding: str, name: SecretName) -> None:
        exact = encoding == "base64"  # everything else is looked for in upper and lower case
        pattern = (encoded if exact else encoded.lower(), exact, name, encoding)
        if len(encoded) < _START:
            self._short.append(pattern)
        else:
            self._by_start.setdefault(int.from_bytes(encoded.lower()[:_START], "little"), []).append(pattern)

    def _candidates(self, lower: bytes) -> list[tuple[bytes, bool, SecretName, str]]:
        if len(lower) < _START:
            return []
        windows = np.ndarray((len(lower) - _START + 1,), "<u4", lower, strides=(1,))
        there = set(windows[self._likely[windows % _SLOTS]].tolist())
        return [pattern for start in sorted(there) for pattern in self._by_start.get(start, ())]


def _encodings(name: str) -> Iterator[tuple[bytes, str]]:
    plain = name.encode()
    yield plain, "text"
    yield plain[::-1], "text backwards"
    yield name.encode("utf-16-le"), "UTF-16"
    yield name.encode("utf-16-be"), "UTF-16"
    yield name.encode("latin-1", "replace"), "Latin-1"
    yield plain.hex().encode(), "hexadecimal"
    yield quote(name).encode(), "a URL"
    yield html.escape(name).encode(), "HTML"
    yield json.dumps(name)[1:-1].encode(), "JSON"
    for shift in range(3):
        # Characters that share bits with their neighbours are left out at both ends.
        text = base64.b64encode(b"\0" * shift + plain)
        inner = text[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]
        if len(inner) >= 4:
            yield inner, "base64"


def _contents(data: bytes, depth: int) -> Iterator[tuple[bytes, str]]:
    yield data, "" if depth == 0 else " inside something packed"
    if depth == _DEEPEST:
        return
    for unpacked in _unpacked(data):
        if len(unpacked) >= _LEAST_UNPACKED:
            yield from _contents(unpacked, depth + 1)


def _unpacked(data: bytes) -> Iterator[bytes]:
    for start in _ZLIB.finditer(data):
        yield _inflated(data[start.start() :], zlib.MAX_WBITS)
    for at in _places(data, b"\x1f\x8b\x08"):
        yield _inflated(data[at:], 16 + zlib.MAX_WBITS)
    for magic, kind in ((b"BZh", bz2.BZ2Decompressor), (b"\xfd7zXZ\0", lzma.LZMADecompressor)):
        for at in _places(data, magic):
            try:
                yield kind().decompress(data[at:], _MOST)
            except (OSError, EOFError, lzma.LZMAError, ValueError):
                continue
    if b"PK\x05\x06" in data:
        try:
            with zipfile.ZipFile(BytesIO(data)) as inner:
                for entry in inner.infolist():
                    if entry.file_size <= _MOST:
                        yield entry.filename.encode() + b"\n" + inner.read(entry)
        except TABLE_DAMAGE:
            pass
    for run in _BASE64.finditer(data):
        text = run.group().replace(b"-", b"+").replace(b"_", b"/").rstrip(b"=")
        yield base64.b64decode(text[: len(text) // 4 * 4])


def _inflated(data: bytes, bits: int) -> bytes:
    engine = zlib.decompressobj(bits)
    try:
        return engine.decompress(data, _MOST)
    except zlib.error:
        return b""


def _places(data: bytes, magic: bytes) -> list[int]:
    return [found.start() for found in re.finditer(re.escape(magic), data)]


def _unescaped(text: str) -> str:
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found.group(1), 16)), text)
