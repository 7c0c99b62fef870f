"""Drawn slides: same seed, same bytes; readable with exact resolution; truth where the picture has it; colour mute."""

from __future__ import annotations

import csv
import hashlib
import json
from dataclasses import replace

import cv2
import numpy as np
import openslide
import pytest
from sklearn.metrics import roc_auc_score

from models.evaluation.auroc import auroc_interval
from wsi_swarm.study.drawing.cases import CENTRES, CentrePlan, plan_cases
from wsi_swarm.study.drawing.draw import draw_cohort, draw_slide
from wsi_swarm.study.drawing.layout import LAYOUT_UM, TUMOUR, Region, plan_layout
from wsi_swarm.study.drawing.truth import read_truth, share_of_tiles

SMALL = (480.0, 560.0)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    cases = plan_cases(5, [CentrePlan("east", 2, 0.5), CentrePlan("west", 1, 1.0)])
    out = tmp_path_factory.mktemp("cohort")
    return cases, draw_cohort(out, cases, 5, workers=1, side_um=SMALL)


def test_same_seed_draws_the_same_bytes(cohort, tmp_path):
    cases, folders = cohort
    again = draw_cohort(tmp_path, cases, 5, workers=1, side_um=SMALL)
    for one, other in zip(folders, again, strict=True):
        files = sorted(path.relative_to(one.path) for path in one.path.rglob("*") if path.is_file())
        assert len(files) >= 5
        for name in files:
            assert _sha256(one.path / name) == _sha256(other.path / name), name


def test_another_seed_draws_another_picture(cohort):
    case = cohort[0][0]
    one = draw_slide(case, 5, mpp=2.0, side_um=SMALL).picture
    other = draw_slide(replace(case, seed=case.seed + 1), 5, mpp=2.0, side_um=SMALL).picture
    assert one.shape != other.shape or (one != other).mean() > 0.2


def test_a_finished_slide_is_kept_and_a_missing_one_is_drawn(cohort):
    cases, folders = cohort
    kept, gone = (folders[0].slides / f"{case.patient}.tif" for case in cases[:2])
    before, bytes_before = kept.stat().st_mtime_ns, _sha256(gone)
    gone.unlink()
    draw_cohort(folders[0].path.parent, cases, 5, workers=1, side_um=SMALL)
    assert kept.stat().st_mtime_ns == before
    assert _sha256(gone) == bytes_before


def test_openslide_reads_slide_with_exact_resolution_and_pyramid(cohort):
    cases, folders = cohort
    expected = draw_slide(cases[0], 5, side_um=SMALL)
    with openslide.OpenSlide(folders[0].slides / f"{cases[0].patient}.tif") as slide:
        assert float(slide.properties["openslide.mpp-x"]) == pytest.approx(expected.mpp, rel=1e-6)
        assert float(slide.properties["openslide.mpp-y"]) == pytest.approx(expected.mpp, rel=1e-6)
        assert slide.dimensions == expected.picture.shape[1::-1]
        assert slide.level_count == 3
        seen = np.asarray(slide.read_region((0, 0), 0, slide.dimensions).convert("RGB")).astype(int)
    assert 0.49 <= expected.mpp <= 0.51
    assert np.abs(seen - expected.picture).mean() < 6


def test_tables_are_stamps(cohort):
    cases, folders = cohort
    rows = list(csv.DictReader(folders[0].clini.open()))
    assert [row["PATIENT"] for row in rows] == [case.patient for case in cases if case.centre == "east"]
    assert {row["MSI"] for row in rows} == {"MSIH", "MSS"}
    slides = list(csv.DictReader(folders[0].slide_table.open()))
    assert all((folders[0].slides / row["FILENAME"]).is_file() for row in slides)


def test_truth_lies_on_tissue_and_says_the_same_in_both_files(cohort):
    cases, folders = cohort
    for case, folder in ((cases[0], folders[0]), (cases[2], folders[1])):
        drawn = draw_slide(case, 5, side_um=SMALL)
        truth = read_truth(folder.truth, case.patient)
        assert np.array_equal(truth.regions, drawn.layout.regions)
        assert np.array_equal(truth.lymphocyte_rich, drawn.layout.lymphocyte_rich)
        side = drawn.picture.shape[0]
        planned = cv2.resize((truth.regions > 0).astype(np.uint8), (side, side), interpolation=cv2.INTER_NEAREST) > 0
        assert (planned == drawn.tissue).mean() > 0.97
        glass, tissue = drawn.picture[~drawn.tissue].mean(), drawn.picture[drawn.tissue].mean()
        assert glass > tissue + 40
        collection = json.loads((folder.truth / f"{case.patient}.geojson").read_text())
        mucin = np.zeros((side, side), np.uint8)
        for item in collection["features"]:
            assert {"name", "color"} <= item["properties"]["classification"].keys()
            if item["properties"]["classification"]["name"] == "Tumor: mucinous":
                rings = [np.rint(ring).astype(np.int32) for ring in item["geometry"]["coordinates"]]
                cv2.fillPoly(mucin, rings, 1)
        planted = (truth.regions == Region.MUCINOUS).sum() * (LAYOUT_UM / drawn.mpp) ** 2
        assert mucin.sum() == pytest.approx(planted, rel=0.1, abs=400)


def test_planted_regions_follow_the_morphology():
    errors = []
    for case in plan_cases(2, [CentrePlan("one", 30, 0.5)]):
        layout = plan_layout(np.random.default_rng(case.seed), case.morphology, 1300)
        tumour = np.isin(layout.regions, TUMOUR)
        assert 0.2 < tumour.sum() / (layout.regions > 0).sum() < 0.8
        errors.append((layout.regions == Region.MUCINOUS).sum() / tumour.sum() - case.morphology.mucinous)
        assert not (layout.lymphocyte_rich & ~tumour).any()
    assert np.abs(errors).mean() < 0.04


def test_share_of_tiles_counts_the_covered_area():
    where = np.zeros((100, 100), bool)
    where[:, :25] = True
    shares = share_of_tiles(where, np.array([[0, 0], [200, 0], [400, 400]]), tile_px=100, slide_px=1000)
    assert shares == pytest.approx([1.0, 0.5, 0.0])


def test_centres_differ_in_size_prevalence_and_stain_and_some_results_are_missing():
    cases = plan_cases(7)
    by_centre = {plan.name: [case for case in cases if case.centre == plan.name] for plan in CENTRES}
    assert len({len(group) for name, group in by_centre.items() if name != "coast"}) == 3
    shares = [np.mean([case.msi for case in group]) for group in by_centre.values()]
    assert max(shares) - min(shares) > 0.3
    for group in by_centre.values():
        for target in ("MSI", "BRAF"):
            assert {case.label(target) for case in group} >= {case.label(target) for case in group if case.known}
            assert len({case.label(target) for case in group} - {""}) == 2
    assert any(len(case.known) == 1 for case in cases)
    assert all(case.known for case in cases)


def test_braf_goes_with_msi_as_in_sporadic_disease():
    cases = plan_cases(3, [CentrePlan("many", 400, 0.4)])
    msi, braf = np.array([c.msi for c in cases]), np.array([c.braf for c in cases])
    assert braf[msi].mean() > 2 * braf[~msi].mean() > 0


def test_colour_carries_the_centre_and_not_the_label_but_morphology_does():
    """Mean colour of the tissue must be worth nothing within a centre; planted morphology must be worth much."""
    cases = plan_cases(11, [CentrePlan("red", 120, 0.5), CentrePlan("blue", 10, 0.5)])
    drawn = [draw_slide(case, 11, mpp=3.0, side_um=(640, 800)) for case in cases]
    colour = np.array([_mean_colour(slide) for slide in drawn])
    home = np.array([case.centre == "red" for case in cases])
    msi = np.array([case.msi for case in cases])
    evidence = np.array([s.layout.evidence("MSI").sum() / np.isin(s.layout.regions, TUMOUR).sum() for s in drawn])
    assert roc_auc_score(msi[home], evidence[home]) > 0.85
    channels = colour.shape[1]
    for channel in range(channels):
        # One family of intervals: together they cover with 95 %.
        found = auroc_interval(msi[home].astype(int), colour[home, channel], confidence=1 - 0.05 / channels)
        assert found.low <= 0.5 <= found.high, f"channel {channel} of the mean colour tells MSI: {found}"
    # The same numbers tell centres apart, so it is not that they hold nothing.
    by_centre = [roc_auc_score(home, colour[:, channel]) for channel in range(colour.shape[1])]
    assert max(max(a, 1 - a) for a in by_centre) > 0.9


def _mean_colour(slide):
    pixels = slide.picture[slide.tissue].astype(float)
    density = -np.log10(np.maximum(pixels, 1) / 255)
    return [*pixels.mean(0), *density.mean(0)]


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()
