"""The figures of a study's page: what they draw is in the table, and they hold as many nodes as there are."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from models.evaluation.wording import number, signed
from pipelines.errors import InputError
from pipelines.svg import text_width
from tests.study.report.drawn import DrawnStudy, add_scenario, large_study, small_study
from wsi_swarm.study.report.boxes import box_panel
from wsi_swarm.study.report.differences import forest, reach
from wsi_swarm.study.report.figures import group_figures
from wsi_swarm.study.report.frame import best_local, checked, limits, panels_of
from wsi_swarm.study.report.lines import axis_name, line_figure, series_of
from wsi_swarm.study.report.looks import LOOKS
from wsi_swarm.study.report.makeup import makeup_figure
from wsi_swarm.study.report.marks import spread
from wsi_swarm.study.report.real_nodes import identical, in_words


def panels(study):
    return panels_of(checked(study.table))


def inside(svg):
    """Return whether every word of a picture ends within it."""
    width, height = (float(v) for v in re.search(r'viewBox="0 0 (\S+) (\S+)"', svg).groups())
    for attributes, words in re.findall(r"<text([^>]*)>([^<]*)</text>", svg):
        given = dict(re.findall(r'([\w-]+)="([^"]*)"', attributes))
        x, y, size = float(given["x"]), float(given["y"]), float(given["font-size"])
        wide = text_width(words, size)
        turn = re.search(r"rotate\((-?\d+)", given.get("transform", ""))
        angle = np.radians(-int(turn[1])) if turn else 0.0
        back = {"end": 1.0, "middle": 0.5}.get(given.get("text-anchor", ""), 0.0)
        left, right = x - back * wide * np.cos(angle), x + (1 - back) * wide * np.cos(angle)
        low = y + back * wide * np.sin(angle)
        if left < -1 or right > width + 1 or not 0 < low <= height + 1:
            return f"{words}: {left:.0f} to {right:.0f} of {width}, {low:.0f} of {height}"
    return True


@pytest.mark.parametrize("nodes", [1, 2, 3, 6, 8, 9, 32])
@pytest.mark.parametrize("name", ["n{}", "node-{}", "university hospital {}"])
def test_names_stay_within_the_picture_however_many_nodes_there_are(nodes, name):
    study = add_scenario(DrawnStudy(), "s", [name.format(n) for n in range(nodes)], each=nodes < 9)
    (panel,) = panels(study)
    ends = limits([panel], "auroc")
    assert inside(box_panel(panel, "auroc", ends, "a")) is True
    assert inside(box_panel(panel, "accuracy", limits([panel], "accuracy"), "a")) is True
    assert inside(makeup_figure(study.makes, "b")) is True
    assert inside(forest(study.verdicts, reach(study.verdicts), "c")) is True


def test_every_repeat_is_a_point_with_its_value():
    study = small_study()
    (panel,) = panels(study)
    svg = box_panel(panel, "auroc", limits([panel], "auroc"), "a")
    for row in study.rows:
        name = row["node"] or row["arm"]
        assert f"<title>{name}, repeat {row['repeat']}: {number(row['auroc'])}</title>" in svg


def test_each_arm_has_its_own_marker():
    svg = box_panel(panels(small_study())[0], "auroc", (0.3, 1.0), "a")
    assert svg.count("<circle") == 30
    corners = [len(points.split()) for points in re.findall(r'<polygon points="([^"]*)"', svg)]
    assert (corners.count(3), corners.count(4)) == (10, 10)


def test_many_nodes_are_one_distribution_of_their_means_with_best_and_worst():
    study = add_scenario(DrawnStudy(), "s", [f"node-{n}" for n in range(32)])
    (panel,) = panels(study)
    svg = box_panel(panel, "auroc", limits([panel], "auroc"), "a")
    means = study.table[study.table["arm"] == "local"].groupby("node")["auroc"].mean()
    assert svg.count("<circle") == 32
    for word, value, node in (("best", means.max(), means.idxmax()), ("worst", means.min(), means.idxmin())):
        assert f">{word} {number(value)}<" in svg
        assert f">{node}<" in svg
    assert f">{number(means.mean())}<" in svg


def test_few_repeats_get_no_box():
    study = add_scenario(DrawnStudy(), "s", ["a", "b"], repeats=4)
    assert 'fill-opacity="0.13"' not in box_panel(panels(study)[0], "auroc", (0.3, 1.0), "a")


def test_lines_hold_means_and_the_middle_of_the_repeats():
    study = large_study()
    members = [panel for panel in panels(study) if panel.rows["group"].iloc[0]]
    table = study.table
    lines = series_of(members, "auroc")
    assert list(lines) == ["best local", "mean local", "merged", "swarm basic", "swarm weighted"]
    for point in lines["merged"]:
        values = table[(table["x"] == point.x) & (table["arm"] == "merged")]["auroc"]
        assert point.mean == pytest.approx(values.mean())
        assert (point.low, point.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))
    for point, mean in zip(lines["best local"], lines["mean local"], strict=True):
        assert point.mean > mean.mean
    assert axis_name(members) == "patients per node"
    svg = line_figure(members, "auroc", limits(members, "auroc"), "a")
    assert inside(svg) is True
    assert all(f">{name}</text>" in svg for name in lines)


def test_two_test_sets_at_one_place_get_a_figure_each():
    study = large_study()
    table = study.table
    both = panels_of(checked(pd.concat([table, table.assign(test="1 in 20")], ignore_index=True)))
    assert [figure.caption for figure in group_figures(both)] == [
        "attention MIL, MSI, held-out centre",
        "attention MIL, MSI, 1 in 20",
    ]
    assert [figure.caption for figure in group_figures(panels(study))] == ["attention MIL, MSI"]


def test_the_best_node_is_the_best_on_the_mean_over_the_repeats():
    study = small_study()
    means = study.table[study.table["arm"] == "local"].groupby("node")["accuracy"].mean()
    best = best_local(panels(study)[0], "accuracy")
    assert best is not None
    assert best.node == means.idxmax()


def test_the_forest_writes_every_difference_and_one_without_interval():
    verdicts = small_study().verdicts
    verdicts[0] = replace(verdicts[0], low=None, high=None)
    svg = forest(verdicts, reach(verdicts), "a")
    for verdict in verdicts[1:]:
        said = f"{signed(verdict.difference)} ({signed(verdict.low)} to {signed(verdict.high)})"
        assert said in svg
    assert f"{signed(verdicts[0].difference)} (no interval)" in svg
    verdicts[1] = replace(verdicts[1], difference=float("nan"))
    assert ">no value<" in forest(verdicts, reach(verdicts), "a")
    assert "margin −0.02" in svg


def test_of_many_nodes_the_forest_shows_the_nearest_and_the_farthest():
    study = add_scenario(DrawnStudy(), "s", [f"node-{n}" for n in range(32)], each=True)
    svg = forest(study.verdicts, reach(study.verdicts), "a")
    for arm in ("swarm basic", "swarm weighted"):
        beside = sorted(v.difference for v in study.verdicts if v.arm == arm and v.question == "beats")
        assert signed(beside[0]) in svg
        assert signed(beside[-1]) in svg
    assert "and 30 nodes between" in svg


def test_real_nodes_are_said_to_be_identical_only_if_they_are():
    (one,) = small_study().real
    assert identical(one)
    assert "identical model, byte for byte" in in_words([one])
    other = replace(one, root_on_chain="cd" * 32, repeat=4)
    assert not identical(other)
    assert "1 of 2 ended in the identical model. NOT identical: balanced, attention MIL, swarm weighted, repeat 4" in (
        in_words([one, other])
    )
    assert not identical(replace(one, root="", root_on_chain=""))


@pytest.mark.parametrize(("change", "said"), [
    (lambda t: t.drop(columns="auroc"), "no column auroc"),
    (lambda t: t.iloc[:0], "no row"),
    (lambda t: t.assign(arm="central"), "'central'"),
    (lambda t: t.assign(accuracy="good"), "accuracy"),
    (lambda t: t.assign(repeat=0), "two rows for"),
    (lambda t: t.assign(repeat=[np.nan, *t["repeat"][1:]]), "row 2"),
])  # fmt: skip
def test_a_faulty_table_is_refused_with_a_sentence(change, said):
    with pytest.raises(InputError, match=said):
        checked(change(small_study().table))


def test_labels_move_apart_and_stay_within():
    placed = spread([10.0, 11.0, 12.0, 99.0, 98.0], 14.0, 0.0, 100.0)
    ordered = sorted(placed)
    assert all(after - before >= 14.0 - 1e-9 for before, after in pairwise(ordered))
    assert ordered[0] >= 0
    assert ordered[-1] <= 100
    assert placed[3] > placed[4]


@pytest.mark.parametrize("look", LOOKS.values(), ids=list(LOOKS))
def test_words_can_be_read_on_white(look):
    parts = np.array([int(look.words[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    assert 1.05 / (linear @ [0.2126, 0.7152, 0.0722] + 0.05) >= 4.5
