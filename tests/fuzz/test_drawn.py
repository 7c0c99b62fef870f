"""Some hundred damaged copies of slides drawn here; the thousands of real ones are in ``tests/real``."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

CAMPAIGN = Path(__file__).with_name("campaign.py")


def campaign(*arguments: object) -> dict[str, object]:
    command = [sys.executable, str(CAMPAIGN), *map(str, arguments)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A JPEG pyramid, a Deflate one of one level, a BigTIFF, one with an Aperio description."""
    rng = np.random.default_rng(0)
    picture = rng.integers(90, 250, (75, 100, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
    folder = tmp_path_factory.mktemp("drawn")
    jpeg = {"photometric": "ycbcr", "compression": "jpeg", "compressionargs": {"level": 80}}
    deflate = {"photometric": "rgb", "compression": "adobe_deflate"}
    aperio = "Aperio Image Library v11\r\n800x600 (128x128) JPEG/RGB Q=70|AppMag = 20|MPP = 0.5"
    plans = {
        "jpeg.tiff": (jpeg, {}, ""),
        "deflate.tiff": (deflate, {}, ""),
        "big.tiff": (jpeg, {"bigtiff": True}, ""),
        "aperio.svs": (jpeg, {}, aperio),
    }
    for name, (how, file_how, text) in plans.items():
        with tifffile.TiffWriter(folder / name, **file_how) as file:
            for step in (1, 2, 4) if how is jpeg else (1,):
                file.write(
                    picture[::step, ::step],
                    tile=(128, 128),
                    resolution=(20000 / step, 20000 / step),
                    resolutionunit="CENTIMETER",
                    subfiletype=1 if step > 1 else 0,
                    description=text or None,
                    metadata=None,
                    **how,
                )
    return [folder / name for name in plans]


@pytest.mark.parametrize("reader", ["auto", "openslide"])
def test_damaged_slides_are_refused_or_read(drawn: list[Path], reader: str) -> None:
    result = campaign("--cases", 160, "--seed", 11, "--reader", reader, *drawn)
    assert result["cases"] == 160
    assert result["bad"] == []
    # Damage that refuses everything, or nothing, would test nothing.
    assert result["counts"]["refused"] > 30
    assert result["counts"]["valid"] > 30


def test_a_case_is_repeated_by_its_number(drawn: list[Path]) -> None:
    sys.path.insert(0, str(CAMPAIGN.parent))
    try:
        from cases import damage
    finally:
        sys.path.pop(0)
    for path in drawn:
        data = path.read_bytes()
        assert [damage(data, seed) for seed in range(20)] == [damage(data, seed) for seed in range(20)]
        assert len({damage(data, seed)[0] for seed in range(20)}) > 15


def test_the_watch_sees_a_process_that_dies_one_that_hangs_and_one_that_leaks(tmp_path: Path) -> None:
    (tmp_path / "attempt.py").write_text(
        "import sys, os, json\nprint('1', flush=True)\n"
        "for line in sys.stdin:\n"
        "    seed = int(line.split()[1]) % 10\n"
        "    if seed == 0: os.abort()\n"
        "    while seed == 1: pass\n"
        "    print(json.dumps({'outcome': 'refused: x' if seed > 2 else 'raised', 'how': '', 'cpu_s': 0}), flush=1)\n"
    )
    for name in ("campaign.py", "cases.py", "tiff_mutations.py", "dicom_mutations.py"):
        (tmp_path / name).write_text(CAMPAIGN.with_name(name).read_text())
    (tmp_path / "sound.ini").write_text("a = 1\n")
    command = [sys.executable, tmp_path / "campaign.py", "--cases", 5, "--wall-s", 2, tmp_path / "sound.ini"]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=True)
    bad = {case["case"]: case["outcome"] for case in json.loads(result.stdout)["bad"]}
    assert sorted(bad) == [0, 1, 2]
    assert bad[0].startswith("killed the process (-6)")
    assert bad[1].startswith("hangs")
