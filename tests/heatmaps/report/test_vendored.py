"""The vendored viewer library is the published one, unchanged, with its licence."""

from __future__ import annotations

from pathlib import Path

import pytest

NPM = Path(__file__).parents[2] / "npm" / "node_modules" / "openseadragon"
VENDORED = Path(__file__).parents[3] / "heatmaps" / "viewer" / "vendor" / "openseadragon"


@pytest.mark.browser
def test_the_vendored_openseadragon_is_that_of_npm() -> None:
    if not NPM.is_dir():
        pytest.skip("OpenSeadragon's npm package is not here; run scripts/install-ci-tools.sh")
    for name, published in (
        ("openseadragon.min.js", NPM / "build" / "openseadragon" / "openseadragon.min.js"),
        ("LICENSE.txt", NPM / "LICENSE.txt"),
    ):
        assert (VENDORED / name).read_bytes() == published.read_bytes(), name
