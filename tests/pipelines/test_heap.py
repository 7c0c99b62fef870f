"""HDF5 files whose texts never end are refused; all others are left alone."""

from __future__ import annotations

import struct
import subprocess
import sys
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from pipelines.errors import InputError
from pipelines.features import Features, describe, read_features, write_features
from pipelines.features.heap import is_endless, refuse_endless

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def feature_file(tmp_path: Path) -> Path:
    attrs = describe(slide_size=(1000, 800), mpp=0.5, encoder="e")
    features = Features("s", np.ones((5, 4), np.float16), np.zeros((5, 2), np.int32), attrs)
    write_features(tmp_path / "s.h5", features)
    return tmp_path / "s.h5"


def with_long_text(path: Path) -> Path:
    """Make one text claim to end in the middle of the next: what stands there is taken for an object of length 0."""
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL") + 16
    while True:
        (length,) = struct.unpack_from("<8xQ", data, at)
        following = at + 16 + (length + 7) // 8 * 8
        if struct.unpack_from("<H", data, following)[0] == 0:
            break
        at = following
    struct.pack_into("<Q", data, at + 8, length + 64)
    path.write_bytes(data)
    return path


def test_a_sound_file_has_an_end(feature_file: Path) -> None:
    assert b"GCOL" in feature_file.read_bytes()
    assert not is_endless(feature_file.read_bytes())
    assert len(read_features(feature_file).features) == 5


def test_a_file_with_many_texts_has_an_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "many.h5", "w") as file:
        for number in range(500):
            file.attrs[f"a{number}"] = "x" * number
    refuse_endless(tmp_path / "many.h5")
    with h5py.File(tmp_path / "many.h5") as file:
        assert len(file.attrs["a499"]) == 499


def test_the_library_never_comes_back_from_what_is_refused(feature_file: Path) -> None:
    with_long_text(feature_file)
    # Where this fails, HDF5 has been mended and the guard can go.
    code = (
        "import h5py, sys; f = h5py.File(sys.argv[1]); print('open', flush=True); [f.attrs[name] for name in f.attrs]"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(feature_file)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"open\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2)
    process.kill()
    process.wait()
    process.stdout.close()
    with pytest.raises(InputError, match="its texts lie is damaged"):
        read_features(feature_file)


@pytest.mark.parametrize("content", [b"", b"GCOL", b"GCOL\x01\0\0\0", b"\x89HDF\r\n" + bytes(100)])
def test_what_is_no_collection_is_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a").write_bytes(content)
    refuse_endless(tmp_path / "a")
    refuse_endless(tmp_path / "missing")
