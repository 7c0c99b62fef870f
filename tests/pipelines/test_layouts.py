"""Files as TRIDENT, STAMP, CLAM and AtlasPatch write them, read as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import torch

from pipelines.errors import InputError
from pipelines.features import Given, describe_any, in_float16, read_any, read_any_tiles, read_on_slide

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(5)
COLUMNS = np.array([(x, y) for x in (1024, 1536, 2048) for y in range(512, 3072, 512)], np.int64)
VECTORS = RNG.normal(size=(len(COLUMNS), 6)).astype(np.float32)


def write(path: Path, datasets: dict[str, np.ndarray], attrs: dict[str, dict[str, Any]] | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name, values in datasets.items():
            file[name] = values
        for name, pairs in (attrs or {}).items():
            for key, value in pairs.items():
                file[name].attrs[key] = value
    return path


def write_trident(folder: Path, *, tiles: bool = False, vectors: np.ndarray = VECTORS, **changed: object) -> Path:
    attrs = {
        "patch_size": 256,
        "patch_size_level0": 512,
        "level0_magnification": 40,
        "target_magnification": 20,
        "overlap": 0,
        "name": "S-1.2",
        "savetodir": "job/20x_256px_0px_overlap",
        "level0_width": 40000,
        "level0_height": 30000,
        **changed,
    }
    if tiles:
        return write(folder / "patches/S-1.2_patches.h5", {"coords": COLUMNS}, {"coords": attrs})
    named = {"name": "S-1.2", "savetodir": "x", "encoder": "uni_v1"}
    coords = COLUMNS[: len(vectors)]
    return write(
        folder / "features_uni_v1/S-1.2.h5",
        {"features": vectors, "coords": coords},
        {"features": named, "coords": attrs},
    )


def write_stamp(path: Path, **changed: object) -> Path:
    attrs = {"extractor": "uni", "unit": "um", "tile_size_um": 256.0, "tile_size_px": 224, "feat_type": "tile"}
    attrs = {name: value for name, value in {**attrs, **changed}.items() if value is not None}
    coords = (COLUMNS * 0.25).astype(np.float32)
    return write(path, {"feats": VECTORS.astype(np.float16), "coords": coords}, {"/": attrs})


def write_clam(folder: Path, *, level: int = 0, with_patches: bool = True) -> Path:
    if with_patches:
        shrink = 4.0**level
        size = np.array([40000, 30000]) // int(shrink)
        attrs = {
            "patch_size": 512 // int(shrink),
            "patch_level": level,
            "downsample": (shrink, shrink),
            "downsampled_level_dim": size,
            "level_dim": size,
            "name": "s",
            "save_path": "patches",
        }
        write(folder / "patches/s.h5", {"coords": COLUMNS}, {"coords": attrs})
    (folder / "pt_files").mkdir(parents=True, exist_ok=True)
    torch.save(torch.from_numpy(VECTORS), folder / "pt_files/s.pt")
    return write(folder / "h5_files/s.h5", {"features": VECTORS, "coords": COLUMNS.astype(np.int32)})


def test_trident(tmp_path: Path) -> None:
    features = read_any(write_trident(tmp_path))
    assert np.array_equal(features.features, VECTORS)
    assert features.features.dtype == np.float32
    assert np.array_equal(features.coords, COLUMNS)
    assert (features.slide_id, features.encoder, features.tile_px_level0) == ("S-1.2", "uni_v1", 512)
    assert features.slide_size == (40000, 30000)
    assert (features.attrs["nominal_mpp"], features.attrs["nominal_tile_um"]) == (0.5, 128)
    assert "mpp" not in features.attrs
    assert {"mpp", "tile_um", "encoder_card_sha256", "weights_sha256"} <= set(features.attrs["unknown"])


def test_a_magnification_is_no_scale(tmp_path: Path) -> None:
    features = read_any(write_trident(tmp_path), Given(mpp=0.26))
    assert features.tile_um == pytest.approx(512 * 0.26)
    assert features.attrs["requested_mpp"] == pytest.approx(0.52)
    assert features.attrs["nominal_tile_um"] == 128


def test_trident_tiles_and_a_slide_without_any(tmp_path: Path) -> None:
    tiles = read_any_tiles(write_trident(tmp_path, tiles=True))
    assert (tiles.slide_id, tiles.attrs["tile_px"]) == ("S-1.2", 256)
    assert np.array_equal(tiles.coords, COLUMNS)
    with pytest.raises(InputError, match="holds tiles and no features"):
        read_any(tmp_path / "patches/S-1.2_patches.h5")
    empty = read_any(write_trident(tmp_path / "empty", vectors=np.zeros((0,), np.float32)))
    assert (len(empty.features), empty.coords.shape) == (0, (0, 2))


def test_stamp(tmp_path: Path) -> None:
    path = write_stamp(tmp_path / "uni/s.h5")
    bare = read_any(path)
    assert np.array_equal(bare.features, VECTORS.astype(np.float16))
    assert (bare.encoder, bare.tile_um, bare.attrs["requested_mpp"]) == ("uni", 256, 256 / 224)
    assert bare.attrs["coords_unit"] == "um"
    assert {"mpp", "slide_width", "tile_px_level0", "coords"} <= set(bare.attrs["unknown"])
    whole = read_on_slide(path, (40000, 30000), 0.25)
    assert np.array_equal(whole.coords, COLUMNS)
    assert (whole.tile_px_level0, whole.mpp, whole.slide_size) == (1024, 0.25, (40000, 30000))


def test_stamp_of_version_2_0_and_the_one_before(tmp_path: Path) -> None:
    older = write_stamp(tmp_path / "a.h5", tile_size_um=None, tile_size_px=None, tile_size=256.0)
    assert (read_any(older).tile_um, read_any(older).attrs["coords_unit"]) == (256, "um")
    oldest = write(tmp_path / "b.h5", {"feats": VECTORS, "coords": COLUMNS})
    read = read_any(oldest)
    assert "encoder" in read.attrs["unknown"]
    assert read.attrs["coords_unit"] == "unknown"
    assert np.array_equal(read_any(oldest, Given(unit="px")).coords, COLUMNS)
    assert np.array_equal(read_any(oldest, Given(unit=0.5, mpp=0.25)).coords, COLUMNS * 2)
    with pytest.raises(InputError, match=r"the unit of its coordinates \(--coords-unit\)"):
        read_on_slide(oldest, (40000, 30000), 0.25)


@pytest.mark.parametrize("level", [0, 1])
def test_clam_finds_the_geometry_beside_the_features(tmp_path: Path, level: int) -> None:
    features = read_any(write_clam(tmp_path, level=level))
    assert np.array_equal(features.features, VECTORS)
    assert np.array_equal(features.coords, COLUMNS)
    assert (features.tile_px_level0, features.slide_size, features.attrs["overlap_px"]) == (512, (40000, 30000), 0)
    assert "encoder" in features.attrs["unknown"]
    assert read_any(tmp_path / "h5_files/s.h5", Given(tile_um=128.0)).mpp == 0.25


def test_clam_without_tiles_and_tensors_alone(tmp_path: Path) -> None:
    assert "tile_px_level0" in read_any(write_clam(tmp_path, with_patches=False)).attrs["unknown"]
    tensor = read_any(tmp_path / "pt_files/s.pt")
    assert np.array_equal(tensor.features, VECTORS)
    assert np.array_equal(tensor.coords, COLUMNS)
    (tmp_path / "h5_files/s.h5").unlink()
    alone = read_any(tmp_path / "pt_files/s.pt")
    assert np.array_equal(alone.features, VECTORS)
    assert alone.attrs["coords_unit"] == "none"


def test_clam_tiles_of_another_run_are_refused(tmp_path: Path) -> None:
    path = write_clam(tmp_path)
    with h5py.File(tmp_path / "patches/s.h5", "a") as file:
        coords, attrs = file["coords"][:-1], dict(file["coords"].attrs)
        del file["coords"]
        file["coords"] = coords
        file["coords"].attrs.update(attrs)
    with pytest.raises(InputError, match="lists 14 tiles"):
        read_any(path)


def test_no_pickle_is_read(tmp_path: Path) -> None:
    for name, held in (("a", VECTORS), ("b", torch.zeros(3)), ("c", [1, 2])):
        torch.save(held, tmp_path / f"{name}.pt")
        with pytest.raises(InputError, match=r"use the \.h5 file"):
            read_any(tmp_path / f"{name}.pt")


def test_atlaspatch(tmp_path: Path) -> None:
    coords = np.column_stack([COLUMNS, np.full((len(COLUMNS), 2), 512), np.zeros(len(COLUMNS))]).astype(np.int32)
    attrs = {
        "patch_size": 256,
        "patch_size_level0": 512,
        "level0_magnification": 40,
        "target_magnification": 20,
        "overlap": 0,
        "level0_width": 40000,
        "level0_height": 30000,
    }
    path = write(
        tmp_path / "s.h5", {"coords": coords, "features/uni": VECTORS, "features/conch": VECTORS[:, :3]}, {"/": attrs}
    )
    with pytest.raises(InputError, match="features of conch, uni; say which"):
        read_any(path)
    features = read_any(path, Given(encoder="uni"))
    assert np.array_equal(features.features, VECTORS)
    assert np.array_equal(features.coords, COLUMNS)
    assert (features.encoder, features.tile_px_level0) == ("uni", 512)


def test_what_holds_no_tiles_is_refused_in_one_sentence(tmp_path: Path) -> None:
    refused = {
        "a.h5": ({"features": np.zeros(8, np.float32)}, "no feature or tile file"),
        "b.h5": ({"feats": np.zeros(8, np.float32)}, "one vector per"),
        "c.h5": ({"feats": VECTORS, "coords": COLUMNS[:-1]}, "do not fit"),
        "d.h5": ({"feats": VECTORS.astype(int), "coords": COLUMNS}, "do not fit"),
        "e.h5": ({}, "it holds nothing"),
    }
    for name, (datasets, words) in refused.items():
        with pytest.raises(InputError, match=words):
            read_any(write(tmp_path / name, datasets))
    (tmp_path / "f.h5").write_bytes(b"\x89HDF")
    with pytest.raises(InputError, match="not a whole feature file"):
        describe_any(tmp_path / "f.h5")
    damaged = write_trident(tmp_path, target_magnification="high")
    with pytest.raises(InputError, match="target_magnification is 'high'"):
        read_any(damaged)


def test_float16_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"values up to 7e\+04.*65504"):
        in_float16(tmp_path / "f.h5", np.array([[1.0, 70000.0]], np.float32))
    with pytest.raises(InputError, match="not finite"):
        in_float16(tmp_path / "f.h5", np.array([[np.nan]], np.float32))


@pytest.mark.parametrize("place", [np.nan, 1e12])
def test_places_on_no_slide_are_refused(tmp_path: Path, place: float) -> None:
    path = write_stamp(tmp_path / "s.h5")
    with h5py.File(path, "a") as file:
        file["coords"][2, 1] = place
    with pytest.raises(InputError, match=r"s\.h5 is not a whole feature file .*are on no slide"):
        read_on_slide(path, (40000, 30000), 0.25)


def test_bytes_that_rotted_end_in_a_refusal_or_a_file(tmp_path: Path) -> None:
    """Data and attributes are mutated, not the structure of HDF5, whose library has no defence against that."""
    rng = np.random.default_rng(1)
    sources = [write_trident(tmp_path / "t"), write_stamp(tmp_path / "s.h5"), write_clam(tmp_path / "c")]
    sentences = []
    for index in range(300):
        whole = sources[index % 3].read_bytes()
        path = tmp_path / "rotten.h5"
        path.write_bytes(whole)
        with h5py.File(path, "a") as file:
            names = [(name, key) for name in ("/", *file) for key in file[name].attrs]
            if names:
                name, key = names[rng.integers(len(names))]
                nonsense = (b"\xff", -1, np.nan, "None", 0, [1.5, 2.5], np.inf, "{")
                file[name].attrs[key] = nonsense[rng.integers(len(nonsense))]
            else:
                values = file["coords"][: rng.integers(20)]
                del file["coords"]
                file["coords"] = values.astype(["S4", "f4", "i8"][rng.integers(3)])
        try:
            read_any(path)
        except InputError as error:
            sentences.append(str(error))
    assert 50 < len(sentences) < 300
    assert not [sentence for sentence in sentences if "\n" in sentence]
