"""The report in a real browser that can reach nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.evaluation.evaluate import Request, evaluate
from models.evaluation.output import write_evaluation
from models.evaluation.provenance import provenance_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.chromium import Chromium

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1200, 420])
def test_the_report_shows_its_plots_without_a_network(chromium: Chromium, tmp_path: Path, width: int) -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([1, 0], [30, 90])
    scores = 1 / (1 + np.exp(-(labels * 2 - 1.5 + rng.normal(0, 1, 120))))
    (tmp_path / "p.csv").write_text("PATIENT,MSI_MSIH\n" + "".join(f"p{i},{s}\n" for i, s in enumerate(scores)))
    clini = "".join(f"p{i},{'MSIH' if y else 'MSS'},{'AB'[i % 2]}\n" for i, y in enumerate(labels))
    (tmp_path / "c.csv").write_text("PATIENT,MSI,SITE\n" + clini)
    request = Request((tmp_path / "p.csv",), tmp_path / "c.csv", ("MSI",), {}, centre="SITE", resamples=200)
    report, *_ = write_evaluation(tmp_path / "out", evaluate(request), provenance_of(request, "2026-11-22 12:00 UTC"))
    chromium.open(report, width, 9000)
    chromium.assert_sound()
    pixels = chromium.pixels(tmp_path / "shot.png")
    for colour in ((0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)):  # of the plots alone
        assert (np.abs(pixels - colour).max(axis=2) < 4).sum() > 300
    assert (pixels[:40] < 60).all(axis=2).mean() > 0.4  # the banner in black: the style sheet was allowed
