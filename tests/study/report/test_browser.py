"""A study's report in a real browser that can reach nobody."""

from __future__ import annotations

import numpy as np
import pytest

from tests.study.report.drawn import large_study
from wsi_swarm.study.report import write_report
from wsi_swarm.study.report.looks import LOOKS

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1200, 420])
def test_the_page_shows_every_arm_in_its_colour_and_is_no_wider_than_the_window(chromium, tmp_path, width):
    study = large_study()
    report = write_report(tmp_path, study.told, study.table, study.verdicts, study.makes, study.real)
    chromium.open(report, width, 14000)
    chromium.assert_sound()
    pixels = chromium.pixels(tmp_path / "shot.png")
    for look in LOOKS.values():
        colour = [int(look.colour[at : at + 2], 16) for at in (1, 3, 5)]
        assert (np.abs(pixels - colour).max(axis=2) < 4).sum() > 100
    assert (pixels[:30] < 60).all(axis=2).mean() > 0.4  # the banner in black: the style sheet was allowed
    assert (pixels[200:, -8:] > 250).all()  # nothing sticks out: tables and wide figures move within their own box
