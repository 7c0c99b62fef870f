"""Damaged feature files, tile files, slide tables and drawn masks: read, or refused in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pandas as pd
import pytest

from pipelines.errors import InputError
from pipelines.features import Features, Tiles, describe, describe_tiles, read_features, write_features, write_tiles
from pipelines.features.convert import ConvertOptions, convert_files
from pipelines.geojson import slide_features, write_geojson
from pipelines.slides import list_slides
from pipelines.tissue.drawn_mask import read_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CAMPAIGN = Path(__file__).with_name("campaign.py")
LAYOUTS = {"trident": "20x_224px_0px_overlap/features_e/s.h5", "stamp": "e/s.h5", "clam": "h5_files/s.h5"}


def campaign(*arguments: object) -> dict[str, object]:
    command = [sys.executable, str(CAMPAIGN), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def refusal(read: Callable[[Path], Any], path: Path) -> tuple[str, Any]:
    """Return (message of the refusal, None) or ("", what was read); every other error fails the test."""
    try:
        return "", read(path)
    except InputError as error:
        return str(error), None


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sound file of every kind that is read."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(0)
    coords = np.stack(np.meshgrid(np.arange(6), np.arange(4)), -1).reshape(-1, 2).astype(np.int32) * 224
    attrs = describe(
        slide_size=(1400, 900), mpp=0.5, encoder="e", encoder_card_sha256="c" * 64, weights_sha256="w" * 64
    )
    vectors = rng.normal(size=(len(coords), 16)).astype(np.float16)
    write_features(folder / "s.h5", Features("s", vectors, coords, attrs))
    tiles = {**describe_tiles((1400, 900), 0.5, 0.5, 224, 0), "mpp_origin": "file", "reader": "r", "dropped": {}}
    write_tiles(folder / "tiles.h5", Tiles("s", coords, tiles))
    found = {"native": folder / "s.h5", "tiles": folder / "tiles.h5"}
    for layout, where in LAYOUTS.items():
        convert_files([folder / "s.h5"], folder / layout, ConvertOptions(layout)).check()
        found[layout] = folder / layout / where
    table = pd.DataFrame({"FILENAME": ["a.svs", "b.tiff", "c/d.ndpi"], "mpp": [0.5, None, 0.25]})
    table.to_csv(folder / "table.csv", index=False)
    table.to_excel(folder / "table.xlsx", index=False)
    ring = [(0.0, 0.0), (900.0, 10.0), (800.0, 700.0), (0.0, 0.0)]
    hole = [(300.0, 100.0), (500.0, 100.0), (400.0, 200.0), (300.0, 100.0)]
    write_geojson(folder / "mask.geojson", slide_features("s", [[ring, hole]], coords, 224.0))
    return found | {name: folder / name for name in ("table.csv", "table.xlsx", "mask.geojson")}


def test_damaged_files_are_refused_or_read(files: dict[str, Path]) -> None:
    result = campaign("--cases", 400, "--seed", 31, *files.values())
    assert result["bad"] == []
    assert result["counts"]["refused"] > 120
    assert result["counts"]["valid"] > 40


@pytest.mark.parametrize("claim", [(2**40, 16), (24, 2**40), (24,), (24, 16, 1), (0, 16)])
def test_features_of_an_absurd_shape(files: dict[str, Path], tmp_path: Path, claim: tuple[int, ...]) -> None:
    file = tmp_path / "s.h5"
    file.write_bytes(files["native"].read_bytes())
    with h5py.File(file, "r+") as handle:
        attrs = dict(handle["features"].attrs)
        del handle["features"]
        handle.create_dataset("features", claim, np.float16, chunks=True if 0 not in claim else None)
        handle["features"].attrs.update(attrs)
    with pytest.raises(InputError, match=r"s\.h5 is not a whole feature file"):
        read_features(file)


@pytest.mark.parametrize("name", ["slide_id", "encoder", "dropped", "mpp", "format"])
@pytest.mark.parametrize("value", [np.arange(5000), "x" * 60000, np.nan, b"\xff\xfe", "[" * 5000])
def test_attributes_of_another_kind(files: dict[str, Path], tmp_path: Path, name: str, value: object) -> None:
    file = tmp_path / "s.h5"
    file.write_bytes(files["native"].read_bytes())
    with h5py.File(file, "r+") as handle:
        handle.attrs[name] = value
    message, features = refusal(read_features, file)
    assert len(message) < 500
    assert features is None or features.features.shape == (24, 16)


@pytest.fixture
def usual_depth() -> Iterator[None]:
    """Python's own limit of recursion; py-evm, which other tests load and ``tile`` does not, lifts it."""
    lifted = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)
    yield
    sys.setrecursionlimit(lifted)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "FILENAME",
        "FILENAME\n\n\n",
        'FILENAME\n"a',
        "FILENAME\na\0b.svs\n",
        "FILENAME\n" + "a" * 5000,
        "FILENAME,mpp\na.svs,half\n",
        "FILENAME;mpp\na.svs;0,5\n",
        "FILENAME,FILENAME\na.svs,b.svs\n",
        "FILENAME\na.svs\nb/a.svs\n",
        "\ufeffFILENAME\n../../x\n",
        "PATIENT,SLIDE\nx,y\n",
    ],
)
def test_tables_of_any_text(tmp_path: Path, text: str) -> None:
    table = tmp_path / "slides.csv"
    table.write_text(text, encoding="utf-8")
    message, entries = refusal(list_slides, table)
    assert "\n" not in message
    assert entries is not None or str(tmp_path) in message


@pytest.mark.parametrize(
    "content",
    [
        "null",
        "1e999",
        "[[[[[]]]]]",
        '{"type": "FeatureCollection"}',
        '{"type": "FeatureCollection", "features": {}}',
        '{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}',
        '{"type": "Polygon", "coordinates": [[["a", 0], [1, 1], [2, 0], ["a", 0]]]}',
        '{"type": "Polygon", "coordinates": [[[NaN, 0], [1, 1], [2, 0], [NaN, 0]]]}',
        '{"type": "Polygon", "coordinates": [[[1e30, 0], [1, -1e30], [2, 1e30], [1e30, 0]]]}',
        '{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}',
        '{"type": "Feature", "geometry": null, "properties": null}',
        "[" * 100_000,
    ],
)
def test_masks_of_any_json(tmp_path: Path, content: str, usual_depth: None) -> None:
    from pipelines.grid import make_grid
    from pipelines.tissue.coverage import polygon_fraction

    path = tmp_path / "mask.geojson"
    path.write_text(content)
    message, mask = refusal(read_mask, path)
    if mask is None:
        assert "mask.geojson" in message
    else:
        fraction = polygon_fraction(mask.include, mask.exclude, make_grid((2000, 1000), 0.5, 0.5, 224, 0))
        assert ((fraction >= 0) & (fraction <= 1)).all()


def test_weights_of_any_bytes(tmp_path: Path) -> None:
    import torch

    from models.encoders.weights import read_weights

    torch.save({"a": torch.ones(3, 4), "b": torch.zeros(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"a": torch.ones(3, 4), "b": torch.zeros(2)}, tmp_path / "new.pth")
    sound = [(tmp_path / name).read_bytes() for name in ("old.pth", "new.pth")]
    rng = np.random.default_rng(3)
    path = tmp_path / "w.pth"
    refused = 0
    for case in range(400):
        if case % 4 == 0:
            data = rng.bytes(int(rng.integers(0, 300)))
        else:
            data = bytearray(sound[case % 2])
            for at in rng.integers(0, len(data), int(rng.integers(1, 9))):
                data[at] = rng.integers(256)
        path.write_bytes(data)
        message, state = refusal(read_weights, path)
        refused += state is None
        assert "\n" not in message
    assert refused > 200


def test_weights_that_are_text(tmp_path: Path) -> None:
    from models.encoders.weights import read_weights

    (tmp_path / "w.bin").write_text("root:x:0:0:root:/root:/bin/bash\n")
    with pytest.raises(InputError, match=r"w\.bin .*the weights can't be read as tensors"):
        read_weights(tmp_path / "w.bin")
