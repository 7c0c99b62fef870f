"""A study's report in a real browser that can reach nobody."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from tests.study.report.drawn import large_study
from wsi_swarm.study.report import write_report
from wsi_swarm.study.report.looks import LOOKS

pytestmark = pytest.mark.browser

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--proxy-server=127.0.0.1:9")


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_shows_every_arm_in_its_colour_and_is_no_wider_than_the_window(tmp_path, width):
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; install the package chromium")
    study = large_study()
    report = write_report(tmp_path, study.told, study.table, study.verdicts, study.makes, study.real)
    shot = tmp_path / "shot.png"
    subprocess.run(
        [program, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},14000",
         f"--screenshot={shot}", report.as_uri()],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for look in LOOKS.values():
        colour = [int(look.colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (np.abs(pixels - colour).max(axis=2) < 4).sum() > 100
    assert (pixels[:30] < 60).all(axis=2).mean() > 0.4  # the banner in black: the style sheet was allowed
    assert (pixels[200:, -8:] > 250).all()  # nothing sticks out: tables and wide figures move within their own box
