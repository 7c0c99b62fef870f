"""The page of a study: its numbers are the table's, its words the verdicts', and it needs nothing from outside."""

from __future__ import annotations

import dataclasses
import re
from html import unescape
from html.parser import HTMLParser

import numpy as np
import pytest

from models.evaluation.wording import interval, number
from pipelines.errors import InputError
from tests.study.report.drawn import DrawnStudy, add_scenario, large_study, small_study
from wsi_swarm.study.report import write_report
from wsi_swarm.study.report.frame import METRICS
from wsi_swarm.study.report.page import duration


def page(folder, study, rows=None):
    table = study.table if rows is None else rows
    return write_report(folder, study.told, table, study.verdicts, study.makes, study.real).read_text("utf-8")


def text_of(html):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    study = large_study()
    return study, page(tmp_path_factory.mktemp("study"), study)


def test_every_mean_sd_and_range_is_that_of_the_table(large):
    study, html = large
    table = study.table
    for (_, arm, node), rows in table.groupby(["scenario", "arm", "node"]):
        line = rf'<th scope="row">{re.escape(f"{arm} {node}".strip())}</th>\s*((?:<td.*?</td>\s*)+)</tr>'
        cells = [text_of(found) for found in re.findall(line, html, re.DOTALL)]
        for metric in METRICS:
            values = rows[metric]
            said = f"{number(values.mean())} ± {number(values.std(ddof=1))} {interval(values.min(), values.max())}"
            assert any(said in cell for cell in cells), (arm, node, metric, said)


def test_every_verdict_has_its_sentence_in_a_cell_and_its_mark(large):
    study, html = large
    rows = [(text_of(row), row) for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)]
    for verdict in study.verdicts:
        (row,) = [row for text, row in rows if verdict.words in text]
        assert f'class="pill {verdict.outcome}"' in row


def test_ties_and_losses_are_counted_beside_wins(large):
    study, html = large
    cards = re.findall(r'<section class="card">.*?</section>', html, re.DOTALL)
    for begin, card in zip(("the best", "the nodes'", "merged"), cards, strict=True):
        asked = [v.outcome for v in study.verdicts if v.against.startswith(begin)]
        counts = [int(count) for count in re.findall(r"<b>(\d+)</b>", card)]
        assert counts == [asked.count(outcome) for outcome in ("yes", "open", "no")]


def test_many_verdicts_of_one_scenario_are_folded_and_counted(tmp_path):
    study = add_scenario(DrawnStudy(), "s", [f"node-{n}" for n in range(32)], each=True)
    html = page(tmp_path, study)
    assert "Did the swarm beat each centre alone?" in html
    (cell,) = re.findall(r'<td data-label="swarm weighted: beats each node">(.*?)</td>', html, re.DOTALL)
    said = [v.outcome for v in study.verdicts if v.arm == "swarm weighted" and v.question == "beats"]
    assert f"{said.count('yes')} of 32 yes" in cell
    (folded,) = re.findall(r'<details class="block">.*?</details>', html, re.DOTALL)
    assert all(verdict.words in text_of(folded) for verdict in study.verdicts)


def test_the_page_asks_nobody_for_anything_and_runs_nothing(large):
    _, html = large
    assert "default-src 'none'" in unescape(html)
    assert not re.search(r"<(script|link|iframe|object|embed)\b|\son\w+=|\sstyle=|@import|url\(", html)
    assert all(value.startswith(("#", "data:")) for value in re.findall(r'(?:src|href)="([^"]*)"', html))


def test_equal_input_gives_equal_bytes(large, tmp_path):
    study, html = large
    assert page(tmp_path, study) == html
    shuffled = study.table.sample(frac=1, random_state=3)
    ordered = shuffled.sort_index()
    assert page(tmp_path, study, ordered) == html


class _Checker(HTMLParser):
    """Whether tags are closed in their order and ids are given once."""

    _EMPTY = frozenset({"meta", "br", "img", "rect", "line", "circle", "polygon", "polyline"})

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.svgs = [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        if tag == "svg":
            self.svgs.append(found)
        if tag not in self._EMPTY or tag in {"rect", "circle", "polygon"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_its_pictures_have_names(large):
    _, html = large
    checker = _Checker()
    checker.feed(html)
    assert checker.open == []
    assert len(set(checker.ids)) == len(checker.ids)
    assert checker.svgs
    for svg in checker.svgs:
        assert svg["role"] == "img"
        assert set(svg["aria-labelledby"].split()) <= set(checker.ids)
    tables = re.findall(r"<table.*?</table>", html, re.DOTALL)
    assert all("<caption>" in table and 'scope="' in table for table in tables)


def test_what_comes_from_tables_is_escaped(tmp_path):
    study = add_scenario(small_study(), "<b>bold</b> & co", ["<img src=x>", "b", "c"])
    html = page(tmp_path, study)
    assert "<b>bold" not in html
    assert "<img" not in html
    assert "&lt;img src=x&gt;" in html


@pytest.mark.parametrize(("metric", "positive", "reason"), [
    ("auroc", 0, "the test set has no positive patient"),
    ("specificity", 120, "the test set has no negative patient"),
    ("f1", 24, "the results table gives no value"),
])  # fmt: skip
def test_a_missing_metric_is_a_dash_with_its_reason(tmp_path, metric, positive, reason):
    study = small_study()
    table = study.table
    table.loc[:, "test_positive"] = positive
    table.loc[:, metric] = np.nan
    html = page(tmp_path, study, table)
    assert "nan" not in text_of(html).lower().split()
    assert html.count('<td class="n">–<sup>a</sup></td>') == 6
    assert f"Not defined in every repeat: {reason}." in text_of(html)


def test_a_metric_missing_in_some_repeats_says_in_how_many(tmp_path):
    study = small_study()
    table = study.table.astype({"auprc": object})
    table.loc[(table["arm"] == "merged") & (table["repeat"] < 3), "auprc"] = ""
    html = text_of(page(tmp_path, study, table))
    assert "Not defined in 3 of 10 repeats, which are left out: the results table gives no value." in html


def test_contents_are_there_from_four_scenarios_on(large, tmp_path):
    assert '<nav aria-label="Contents">' in large[1]
    assert "<nav" not in page(tmp_path, small_study())
    targets = re.findall(r'href="#([^"]+)"', large[1])
    assert all(f'id="{target}"' in large[1] for target in targets)


def test_galleries_lie_in_the_page(tmp_path):
    study = small_study()
    (tmp_path / "top.png").write_bytes(b"\x89PNG drawn")
    study.told = dataclasses.replace(study.told, galleries={"swarm basic": "top.png"})
    assert '<img src="data:image/png;base64,' in page(tmp_path, study)
    for name in ("none.png", "../top.png", "top.svg"):
        study.told = dataclasses.replace(study.told, galleries={"merged": name})
        with pytest.raises(InputError, match="gallery of merged"):
            page(tmp_path, study)


def test_a_study_without_verdicts_makes_or_real_nodes_says_so(tmp_path):
    study = small_study()
    study.verdicts, study.makes, study.real = [], [], []
    html = text_of(page(tmp_path, study))
    assert "asked no question" in html
    assert "Nothing was repeated with real nodes" in html


@pytest.mark.parametrize(("seconds", "said"), [(41.2, "41 seconds"), (4810.0, "80 minutes"), (9000.0, "2.5 hours")])
def test_durations(seconds, said):
    assert duration(seconds) == said
