"""From one layout to another and back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import torch

from pipelines.errors import InputError, PartialError
from pipelines.extract import ExtractOptions, extract_slides
from pipelines.features import Features, Given, Tiles, describe, read_any, read_features, read_tiles, write_features
from pipelines.features import write_tiles as save_tiles
from pipelines.features.convert import ConvertOptions, convert_files
from pipelines.tile import TileOptions, tile_slides

if TYPE_CHECKING:
    from pathlib import Path

LAYOUTS = ("trident", "stamp", "clam")


def native(folder: Path, name: str = "case.1", mpp: float = 0.2517, **how: object) -> Path:
    rng = np.random.default_rng(3)
    how = {"encoder": "hub/small", "encoder_card_sha256": "c" * 64, "weights_sha256": "w" * 64, **how}
    attrs = describe(slide_size=(99_000, 80_000), mpp=mpp, dropped={"unreadable": 2}, **how)
    coords = rng.integers(0, 80_000, (70, 2)).astype(np.int32)
    path = folder / "features" / "hub--small" / f"{name}.h5"
    write_features(path, Features(name, rng.normal(size=(70, 5)).astype(np.float16), coords, attrs))
    return path


def convert(source: Path, out: Path, to: str, **how: object):
    summary = convert_files([source], out, ConvertOptions(to, **how), clock=lambda: 0.0)
    summary.check()
    return summary


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("requested", [0.5, 1.14])
def test_native_files_come_back_byte_for_byte(tmp_path: Path, layout: str, requested: float) -> None:
    path = native(tmp_path / "job", requested_mpp=requested, overlap_px=16)
    convert(tmp_path / "job", tmp_path / layout, layout)
    convert(tmp_path / layout, tmp_path / "back", "native")
    assert (tmp_path / "back/features/hub--small/case.1.h5").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_augmented_sets_stay_apart_from_the_set_itself(tmp_path: Path, layout: str) -> None:
    path = native(tmp_path / "job")
    plain = read_features(path)
    varied = replace(plain, features=plain.features + 1, attrs={**plain.attrs, "augmentation_set": 2})
    write_features(path.parent / "augment-2" / path.name, varied)
    convert(tmp_path / "job", tmp_path / layout, layout)
    convert(tmp_path / layout, tmp_path / "back", "native")
    for name in (path.name, f"augment-2/{path.name}"):
        assert (tmp_path / "back/features/hub--small" / name).read_bytes() == (path.parent / name).read_bytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_reads_as_native(tmp_path: Path, layout: str) -> None:
    path = native(tmp_path / "job")
    convert(path, tmp_path / layout, layout)
    (made,) = [file for file in (tmp_path / layout).rglob("case.1.h5") if file.parent.name != "patches"]
    one, other = read_features(path), read_any(made)
    assert np.array_equal(one.features, other.features)
    assert np.array_equal(one.coords, other.coords)
    assert (one.slide_id, one.attrs) == (other.slide_id, other.attrs)


def test_what_trident_reads(tmp_path: Path) -> None:
    convert(native(tmp_path / "job", mpp=0.25), tmp_path / "t", "trident")
    with h5py.File(tmp_path / "t/20x_224px_0px_overlap/features_hub--small/case.1.h5") as file:
        assert (file["features"].chunks, file["coords"].chunks) == ((1, 5), (1, 2))
        assert (file["features"].dtype, file["coords"].dtype) == (np.float16, np.int64)
        assert dict(file["features"].attrs)["encoder"] == "hub/small"
        attrs = dict(file["coords"].attrs)
    assert attrs == {
        "patch_size": 224,
        "patch_size_level0": 448,
        "level0_magnification": 40,
        "target_magnification": 20,
        "overlap": 0,
        "name": "case.1",
        "savetodir": "features_hub--small",
        "level0_width": 99_000,
        "level0_height": 80_000,
    }


@pytest.mark.parametrize(("mpp", "requested"), [(0.2517, 1.14), (0.265, 0.5), (0.25, 0.4), (0.499, 0.5), (0.23, 0.46)])
def test_trident_reads_tiles_of_the_right_size_at_any_mpp(tmp_path: Path, mpp: float, requested: float) -> None:
    convert(native(tmp_path / "job", mpp=mpp, requested_mpp=requested), tmp_path / "t", "trident")
    (made,) = (tmp_path / "t").rglob("case.1.h5")
    with h5py.File(made) as file:
        attrs = dict(file["coords"].attrs)
    side = round(attrs["patch_size"] * attrs["level0_magnification"] / attrs["target_magnification"])
    assert side == round(224 * requested / mpp) == attrs["patch_size_level0"]


def test_what_stamp_reads(tmp_path: Path) -> None:
    source = native(tmp_path / "job")
    convert(source, tmp_path / "s", "stamp")
    with h5py.File(tmp_path / "s/hub--small/case.1.h5") as file:
        assert (file["feats"].dtype, file["coords"].dtype) == (np.float16, np.float32)
        assert np.abs(file["coords"][:] - read_features(source).coords * 0.2517).max() < 0.002
        attrs = dict(file.attrs)
    assert (attrs["unit"], attrs["tile_size_um"], attrs["tile_size_px"]) == ("um", 112.0, 224)
    assert (attrs["extractor"], attrs["feat_type"]) == ("hub/small", "tile")
    assert "stamp_version" not in attrs


def test_what_clam_reads(tmp_path: Path) -> None:
    source = native(tmp_path / "job")
    convert(source, tmp_path / "c", "clam")
    tensor = torch.load(tmp_path / "c/pt_files/case.1.pt", weights_only=True)
    assert tensor.dtype == torch.float32
    assert np.array_equal(tensor.numpy(), read_features(source).features)
    with h5py.File(tmp_path / "c/h5_files/case.1.h5") as file:
        assert (file["features"].dtype, file["features"].chunks) == (np.float32, (32, 5))
        assert (file["coords"].dtype, dict(file["coords"].attrs)) == (np.int32, {})
    with h5py.File(tmp_path / "c/patches/case.1.h5") as file:
        attrs = dict(file["coords"].attrs)
    assert (attrs["patch_size"], attrs["patch_level"], attrs["name"]) == (round(112 / 0.2517), 0, "case.1")
    assert tuple(attrs["level_dim"]) == (99_000, 80_000)


def foreign_stamp(path: Path, vectors: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["feats"], file["coords"] = vectors, np.arange(2 * len(vectors), dtype=np.float32).reshape(-1, 2) * 128
        file.attrs.update({"extractor": "uni", "unit": "um", "tile_size_um": 256.0, "tile_size_px": 224})
    return path


def test_what_is_not_known_is_asked_for(tmp_path: Path) -> None:
    path = foreign_stamp(tmp_path / "uni/s.h5", np.ones((4, 3), np.float16))
    summary = convert_files([path], tmp_path / "out", ConvertOptions("native"))
    (failed,) = summary.failed
    assert failed.reason == (
        f"{path} does not say the slide's size (--slides FOLDER or --slide-size), the µm per level-0 px (--slides "
        "FOLDER or --mpp); `wsi-swarm convert` takes what is in brackets"
    )
    assert not list((tmp_path / "out").rglob("*.h5"))
    convert(path, tmp_path / "out", "native", given=Given(mpp=0.25, slide_size=(9000, 8000)))
    features = read_features(tmp_path / "out/features/uni/s.h5")
    assert (features.attrs["unknown"], features.attrs["converted_from"]) == (
        ["dropped", "encoder_card_sha256", "reader", "weights_sha256"],
        "stamp",
    )
    assert features.coords.tolist()[1] == [1024, 1536]


def test_size_and_mpp_come_from_the_slides(tmp_path: Path, make_slide) -> None:
    slide = make_slide("s.tiff", size=(900, 700), mpp=0.4)
    path = foreign_stamp(tmp_path / "uni/s.h5", np.ones((4, 3), np.float16))
    convert(path, tmp_path / "out", "native", slides=slide.parent)
    features = read_features(tmp_path / "out/features/uni/s.h5")
    assert (features.mpp, features.slide_size, features.tile_px_level0) == (pytest.approx(0.4), (900, 700), 640)
    other = foreign_stamp(tmp_path / "uni/t.h5", np.ones((4, 3), np.float16))
    (failed,) = convert_files([other], tmp_path / "out", ConvertOptions("native", slides=slide.parent)).failed
    assert "no slide t in" in failed.reason
    elsewhere = native(tmp_path / "job", name="s")
    (failed,) = convert_files([elsewhere], tmp_path / "o2", ConvertOptions("clam", slides=slide.parent)).failed
    assert "99000 x 80000 px and the slide has 900 x 700 px" in failed.reason


def test_one_bad_file_does_not_stop_the_others(tmp_path: Path) -> None:
    native(tmp_path / "job", "good")
    (tmp_path / "job/features/hub--small/bad.h5").write_bytes(b"no HDF5")
    foreign_stamp(tmp_path / "job/uni/wide.h5", np.full((4, 3), 1e6, np.float32))
    given = Given(mpp=0.25, slide_size=(9000, 8000))
    summary = convert_files([tmp_path / "job"], tmp_path / "out", ConvertOptions("stamp", replace(given)))
    assert [outcome.status for outcome in summary.outcomes] == ["failed", "done", "failed"]
    assert "not a whole feature file" in summary.failed[0].reason
    assert "1e+06, and float16 ends at 65504" in summary.failed[1].reason
    with pytest.raises(PartialError, match="2 of 3"):
        summary.check()
    assert [path.name for path in (tmp_path / "out").rglob("*.h5")] == ["good.h5"]


def test_rounding_is_told(tmp_path: Path) -> None:
    given = Given(mpp=0.25, slide_size=(9000, 8000))
    exact = foreign_stamp(tmp_path / "a.h5", np.ones((4, 3), np.float32))
    rounded = foreign_stamp(tmp_path / "b.h5", np.full((4, 3), 0.1, np.float32))
    summary = convert_files([exact, rounded], tmp_path / "out", ConvertOptions("native", given))
    assert [outcome.reason for outcome in summary.outcomes] == ["", "float32 was rounded to float16"]
    summary = convert_files([rounded], tmp_path / "t", ConvertOptions("trident", given))
    assert summary.outcomes[0].reason == ""


def test_nothing_is_overwritten_unasked_and_a_second_run_changes_nothing(tmp_path: Path) -> None:
    path = native(tmp_path / "job")
    convert(path, tmp_path / "out", "clam")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "out").rglob("case.1.*")}
    assert len(before) == 3
    assert convert(path, tmp_path / "out", "clam").outcomes[0].status == "done before"
    assert before == {file: file.stat().st_mtime_ns for file in before}
    other = native(tmp_path / "other", mpp=0.3)
    (failed,) = convert_files([other], tmp_path / "out", ConvertOptions("clam")).failed
    assert "is there already and differs" in failed.reason
    assert before == {file: file.stat().st_mtime_ns for file in before}
    convert(other, tmp_path / "out", "clam", force=True)
    assert read_any(tmp_path / "out/h5_files/case.1.h5").mpp == 0.3
    two = convert_files([path, other], tmp_path / "two", ConvertOptions("stamp"))
    assert "both make" in two.failed[0].reason


def test_a_contradiction_is_refused(tmp_path: Path) -> None:
    path = native(tmp_path / "job")
    for given, words in (
        (Given(encoder="uni"), "says hub/small and --encoder says uni"),
        (Given(mpp=0.5), "says 0.2517 and --mpp says 0.5"),
        (Given(tile_px=256), "says 224 and --tile-px says 256"),
    ):
        (failed,) = convert_files([path], tmp_path / "out", ConvertOptions("clam", given)).failed
        assert words in failed.reason
    with pytest.raises(InputError, match=r"no \.h5 or \.pt file"):
        convert_files([tmp_path / "out"], tmp_path / "x", ConvertOptions("clam"))


@pytest.mark.parametrize("layout", ["trident", "clam"])
def test_a_grid_goes_there_and_back(tmp_path: Path, make_slide, layout: str) -> None:
    slide = make_slide()
    tile_slides(slide, tmp_path / "job", TileOptions(tile_px=112))
    convert(tmp_path / "job/tiles", tmp_path / layout, layout)
    convert(tmp_path / layout, tmp_path / "back", "native")
    one, other = read_tiles(tmp_path / "job/tiles/a.h5"), read_tiles(tmp_path / "back/tiles/a.h5")
    assert (one.slide_id, one.attrs) == (other.slide_id, other.attrs)
    assert np.array_equal(one.coords, other.coords)
    (failed,) = convert_files([tmp_path / "job/tiles"], tmp_path / "s", ConvertOptions("stamp")).failed
    assert "STAMP has no layout for that" in failed.reason


def test_a_cohort_tiled_by_clam_is_extracted_here(tmp_path: Path, make_slide, encoder) -> None:
    slide = make_slide(size=(800, 600), mpp=0.5)
    coords = np.array([(x, y) for x in (200, 312, 424) for y in (200, 312)], np.int64)
    (tmp_path / "clam/patches").mkdir(parents=True)
    with h5py.File(tmp_path / "clam/patches/a.h5", "w") as file:
        file["coords"] = coords
        attrs = {"patch_size": 112, "patch_level": 0, "downsample": (1.0, 1.0), "level_dim": (800, 600), "name": "a"}
        file["coords"].attrs.update(attrs)
    convert(tmp_path / "clam", tmp_path / "job", "native", slides=slide.parent)
    assert (
        convert(tmp_path / "clam", tmp_path / "job", "native", slides=slide.parent).outcomes[0].status == "done before"
    )
    extract_slides(slide.parent, tmp_path / "job", encoder, ExtractOptions()).check()
    ours = read_features(tmp_path / "job/features/small/a.h5")
    tile_slides(slide, tmp_path / "own", TileOptions(tile_px=112, min_tissue=0.01))
    tiles = read_tiles(tmp_path / "own/tiles/a.h5")
    save_tiles(tmp_path / "own/tiles/a.h5", Tiles("a", coords.astype(np.int32), tiles.attrs))
    extract_slides(slide.parent, tmp_path / "own", encoder, ExtractOptions()).check()
    direct = read_features(tmp_path / "own/features/small/a.h5")
    assert np.array_equal(ours.features, direct.features)
    assert np.array_equal(ours.coords, coords)
    assert ours.tile_um == 56


def test_tiles_of_clam_come_with_its_features(tmp_path: Path) -> None:
    path = native(tmp_path / "job")
    features = read_features(path)
    attrs = {name: value for name, value in features.attrs.items() if "sha256" not in name and name != "encoder"}
    save_tiles(tmp_path / "job/tiles/case.1.h5", Tiles("case.1", features.coords, {**attrs, "mpp_origin": "file"}))
    summary = convert(tmp_path / "job", tmp_path / "clam", "clam")
    assert [outcome.reason for outcome in summary.outcomes] == ["", "its tiles were written with its features"]


def test_tiles_by_magnification_stay_one_kind_through_extract(tmp_path: Path, make_slide, encoder) -> None:
    for name, mpp in (("a", 0.49), ("b", 0.515)):
        make_slide(f"{name}.tiff", size=(800, 600), mpp=mpp)
        path = tmp_path / "trident/patches" / f"{name}_patches.h5"
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w") as file:
            file["coords"] = np.array([(200, 200), (312, 200)], np.int64)
            attrs = {"patch_size": 112, "patch_size_level0": 112, "level0_magnification": 20, "name": name}
            file["coords"].attrs.update({**attrs, "target_magnification": 20, "overlap": 0})
    convert(tmp_path / "trident", tmp_path / "job", "native", slides=tmp_path / "slides")
    extract_slides(tmp_path / "slides", tmp_path / "job", encoder, ExtractOptions()).check()
    one, other = (read_features(tmp_path / f"job/features/small/{name}.h5") for name in "ab")
    assert (one.tile_um, other.tile_um) == (pytest.approx(112 * 0.49), pytest.approx(112 * 0.515))
    assert one.tile_px_level0 == pytest.approx(112)
    assert one.attrs["nominal_tile_um"] == other.attrs["nominal_tile_um"] == 56


def test_a_job_goes_to_stamp_without_its_tiles(tmp_path: Path) -> None:
    path = native(tmp_path / "job")
    features = read_features(path)
    save_tiles(tmp_path / "job/tiles/case.1.h5", Tiles("case.1", features.coords, features.attrs))
    save_tiles(tmp_path / "job/tiles/other.h5", Tiles("other", features.coords, features.attrs))
    summary = convert_files([tmp_path / "job"], tmp_path / "out", ConvertOptions("stamp"))
    assert [outcome.status for outcome in summary.outcomes] == ["done", "done", "failed"]
    assert "its features are converted" in summary.outcomes[1].reason
