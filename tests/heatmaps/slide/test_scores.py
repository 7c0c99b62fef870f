from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from heatmaps.methods.attribution import all_contributions
from heatmaps.slide.scores import cache_key, content_sha256, score_table


def test_table_alone_gives_the_logit_and_the_places(make_features, make_model) -> None:
    features, *_ = make_features("s")
    scores = all_contributions(make_model(), features)
    rows = list(csv.DictReader(io.StringIO(score_table(features, scores))))
    assert [row["tile_id"] for row in rows] == [str(index) for index in range(len(features.coords))]
    for one in scores:
        total = sum(float(row[f"contribution_{one.target}"]) for row in rows)
        assert one.bias + total == pytest.approx(one.logit, abs=1e-6)
        attention = [float(row[f"attention_x_uniform_{one.target}"]) for row in rows]
        assert np.mean(attention) == pytest.approx(1, abs=1e-6)
    np.testing.assert_array_equal([[int(row["x0"]), int(row["y0"])] for row in rows], features.coords)
    assert {(row["w0"], row["h0"]) for row in rows} == {("32", "32")}
    np.testing.assert_allclose([float(row["x_um"]) for row in rows], features.coords[:, 0] * 0.5)


def test_fractional_sides_stay_fractional(make_features, make_model) -> None:
    features, *_ = make_features("s")
    features = replace(features, attrs={**features.attrs, "tile_px_level0": 449.2986})
    table = score_table(features, all_contributions(make_model(), features))
    assert next(csv.DictReader(io.StringIO(table)))["w0"] == "449.2986"


def test_key_follows_everything(make_features) -> None:
    features, *_ = make_features("s")
    content = content_sha256(features)
    base = cache_key("m", content, "method", {"clip": None})
    moved = replace(features, coords=features.coords + 1)
    vectors = features.features.copy()
    vectors[0, 0] += 1
    others = {
        cache_key("n", content, "method", {"clip": None}),
        cache_key("m", content_sha256(moved), "method", {"clip": None}),
        cache_key("m", content_sha256(replace(features, features=vectors)), "method", {"clip": None}),
        cache_key("m", content_sha256(replace(features, slide_id="t")), "method", {"clip": None}),
        cache_key("m", content, "attention", {"clip": None}),
        cache_key("m", content, "method", {"clip": 0.5}),
    }
    assert len(others | {base}) == 7
    assert cache_key("m", content_sha256(replace(features)), "method", {"clip": None}) == base
