"""Headers that must not reach OpenSlide, sizes that no slide has, messages without control characters."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from pipelines.errors import InputError
from pipelines.slides import open_slide
from pipelines.slides.dicom_header import parse_header, read_header
from pipelines.slides.plausible import size_problem

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNDEFINED = 0xFFFFFFFF


def element(group: int, number: int, vr: bytes, value: bytes) -> bytes:
    return struct.pack("<HH2sH", group, number, vr, len(value)) + value


def opened_sequence(group: int = 0x0040, number: int = 0x0555) -> bytes:
    return struct.pack("<HH2sHI", group, number, b"SQ", 0, UNDEFINED) + struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)


def closed_sequence() -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE00D, 0) + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


PIXELS = struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, UNDEFINED) + b"\xfe\xff\x00\xe0" + bytes(1000)
PREAMBLE = bytes(128) + b"DICM"
SPARSE = element(0x0020, 0x9311, b"CS", b"TILED_SPARSE")
META = element(0x0002, 0x0010, b"UI", b"1.2.840.10008.1.2.4.50") + element(0x0008, 0x0060, b"CS", b"SM")


def test_many_sequences_one_after_another_are_sound() -> None:
    assert parse_header(PREAMBLE + META + (opened_sequence() + closed_sequence()) * 5000 + PIXELS).problem is None


def test_sequences_of_known_length_end_where_they_say() -> None:
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 10) + element(0x0008, 0x0100, b"SH", b"ab")
    sequence = struct.pack("<HH2sHI", 0x0040, 0x0555, b"SQ", 0, len(item)) + item
    assert parse_header(PREAMBLE + META + sequence * 5000 + PIXELS).problem is None


def test_sequences_inside_each_other_without_end_are_refused() -> None:
    assert "inside each other" in parse_header(PREAMBLE + META + opened_sequence() * 100 + PIXELS).problem


def test_sparse_frames_need_their_places() -> None:
    assert "TILED_SPARSE" in parse_header(PREAMBLE + META + SPARSE + PIXELS).problem
    places = opened_sequence(0x5200, 0x9230) + closed_sequence()
    assert parse_header(PREAMBLE + META + SPARSE + places + PIXELS).problem is None


def test_the_series_is_told_of_levels_only() -> None:
    series = element(0x0020, 0x000E, b"UI", b"1.2.3.4\0")
    nested = opened_sequence() + element(0x0020, 0x000E, b"UI", b"9.9") + closed_sequence()
    for kind, told in ((b"DERIVED\\PRIMARY\\VOLUME\\RESAMPLED", "1.2.3.4"), (b"ORIGINAL\\PRIMARY\\LABEL\\NONE", None)):
        image_type = element(0x0008, 0x0008, b"CS", kind)
        assert parse_header(PREAMBLE + META + image_type + series + nested + PIXELS).series == told


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.dcm"
    file.write_bytes(PREAMBLE + META + PIXELS)
    assert read_header(file).problem is None
    file.write_bytes(PREAMBLE + META + SPARSE + PIXELS)
    assert "TILED_SPARSE" in read_header(file).problem


def test_pixels_are_not_looked_at() -> None:
    assert parse_header(PREAMBLE + META + PIXELS + opened_sequence() * 100).problem is None


@pytest.mark.parametrize("end", range(0, 40, 3))
def test_a_header_that_ends_anywhere_has_no_problem_of_this_kind(end: int) -> None:
    assert parse_header((PREAMBLE + META + SPARSE)[: len(PREAMBLE) + end]).problem is None


def test_a_file_that_is_no_dicom_is_not_looked_at(tmp_path: Path) -> None:
    for content in (b"", b"II*\0", PREAMBLE[:131] + b"X" + opened_sequence() * 100):
        (tmp_path / "a").write_bytes(content)
        assert read_header(tmp_path / "a") is None


def test_a_file_with_such_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "deep.dcm").write_bytes(PREAMBLE + META + opened_sequence() * 100 + PIXELS)
    with pytest.raises(InputError, match="inside each other"):
        open_slide(tmp_path / "deep.dcm", 0.5)


def test_a_neighbour_that_would_be_opened_too_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(PREAMBLE + META + PIXELS)
    (tmp_path / "b.dcm").write_bytes(PREAMBLE + META + opened_sequence() * 100 + PIXELS)
    with pytest.raises(InputError, match=r"b\.dcm has a DICOM header"):
        open_slide(tmp_path, 0.5)


@pytest.mark.parametrize(
    ("size", "mpp", "file_bytes"),
    [((100_000, 80_000), 0.25, 2_000_000_000), ((300_000, 200_000), 0.25, None), ((4000, 4000), 0.5, 1000)],
)
def test_real_sizes_are_believed(size: tuple[int, int], mpp: float, file_bytes: int | None) -> None:
    assert size_problem(size, mpp, file_bytes) is None


@pytest.mark.parametrize(
    ("size", "mpp", "file_bytes", "why"),
    [
        ((2**32 - 1, 16), 0.25, None, "of glass"),
        ((200_000, 200_000), 0.5, None, "of glass"),
        ((20_000, 20_000), 5.0, None, "of glass"),
        ((50_000, 50_000), 0.25, 8000, "only 8000 bytes"),
    ],
)
def test_damaged_sizes_are_not(size: tuple[int, int], mpp: float, file_bytes: int | None, why: str) -> None:
    assert why in size_problem(size, mpp, file_bytes)


def test_a_slide_at_a_wrong_given_mpp_is_refused_with_the_remedy(make_slide: Callable[..., Path]) -> None:
    slide = make_slide(size=(12_000, 300), mpp=None)
    with pytest.raises(InputError, match="correct its mpp"):
        open_slide(slide, 20.0)


def test_messages_keep_their_letters_and_lose_their_control_characters() -> None:
    assert str(InputError("VR '\x01S' für µm\n\x1b[2J")) == "VR '?S' für µm ?[2J"
