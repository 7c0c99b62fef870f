"""The report: whole, in two languages, escaped, and with the numbers of what was played."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig
from wsi_swarm.swarm.ledger.federation import FederationMember
from wsi_swarm.swarm.oversight.audit import audit_run
from wsi_swarm.swarm.oversight.report import report_html
from wsi_swarm.swarm.oversight.report_data import Sources, blocks_of, report_data

from .conftest import Played

CONFIG = RunConfig(
    name="msi-2026",
    targets=(TargetConfig(name="MSI", positive="MSIH", negative=("MSS",)),),
    features=FeatureConfig(encoder="test", card_sha256="ab", weights_sha256="", dim=4, tile_um=112.0, mpp=0.5),
)


def sources(played: Played, **changes: Any) -> Sources:
    ledger = played.ledgers[0]
    values: dict[str, Any] = {
        "reader": ledger,
        "federation": played.federation,
        "config": CONFIG,
        "checkpoint": played.checkpoint,
        "audit": audit_run(ledger, 1, played.checkpoint, played.plan, ledger.account),
        "name": "centre-a",
        "account": ledger.account,
        "times": {block: 1_760_000_000 + 60 * block for block in blocks_of(ledger.events()[0])},
        "node": {"bytes_out": 987_000, "bytes_in": 3_456_789},
        "now": 1_760_100_000,
        "software": "wsi-swarm test",
    }
    return Sources(**{**values, **changes})


def page(played: Played, language: str = "de", **changes: Any) -> str:
    data = report_data(sources(played, **changes))
    json.dumps(data)
    return report_html(data, language)


class Texts(HTMLParser):
    """The text of a page as a reader of one language sees it; and whether its tags close."""

    _VOID = ("meta", "input", "br", "line", "polyline", "link")

    def __init__(self, language: str) -> None:
        super().__init__()
        self.hidden, self.text, self.open, self.loads = language, "", [], []

    def handle_starttag(self, tag, attrs):
        self.loads += [name for name, _ in attrs if name in ("src", "href", "action") or name.startswith("on")]
        if tag not in self._VOID:
            self.open.append((tag, dict(attrs).get("lang")))

    def handle_endtag(self, tag):
        if tag not in self._VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        hidden = any(lang == self.hidden for tag, lang in self.open if tag != "html")
        if not hidden and self.open and self.open[-1][0] != "style":
            self.text += " " + data


def text_of(html: str, language: str) -> str:
    parser = Texts("en" if language == "de" else "de")
    parser.feed(html)
    assert parser.open == []
    assert parser.loads == []
    return " ".join(parser.text.replace("\u00ad", "").split())


@pytest.fixture
def eventful(tmp_path) -> Played:
    """A run in which all sorts of things happened."""
    played = Played(tmp_path)
    played.final()
    played.final(leave_out=[2])
    played.rejected()
    played.void([0, 1])
    played.final([0, 1])
    played.void()
    played.ledgers[0].rotate_key(b"n" * 32, b"e" * 32)
    played.commit([0, 1])
    played.strike(1)
    played.ledgers[2].leave(1)
    number = played.ledgers[1].propose_removal(2)
    played.ledgers[0].vote(number, yes=True)
    return played


def test_the_numbers_are_those_of_the_run(eventful):
    data = report_data(sources(eventful))
    size = len(eventful.update(0, 1))
    assert data["left"] | {"sent": 0} == {
        "updates": 5,
        "sizes": 3,
        "update_bytes": size,
        "all_bytes": 5 * size,
        "recipients": 2,
        "weight": 100,
        "commitments": 5,
        "attestations": 3,
        "sent": 0,
        "received": 3_456_789,
    }
    assert data["audit"] == {"verified": 3, "void": 3, "not_kept": 0, "failed": 0, "passed": True}
    assert [one["name"] for one in data["members"]] == ["centre-a", "centre-b", "centre-c"]
    assert sum(one["share"] for one in data["members"]) == pytest.approx(1)
    assert [one["merged"] for one in data["members"]] == [3, 3, 1]
    assert [change["what"] for change in data["members"][0]["history"]] == ["MemberAdded", "KeyRotated"]
    assert [change["what"] for change in data["members"][2]["history"]] == ["MemberAdded", "MemberRemoved"]
    assert [(one["kind"], one["carried"]) for one in data["votes"]] == [("OPEN_RUN", True), ("REMOVE_MEMBER", True)]
    assert [one["why"] for one in data["rounds"]] == ["", "", "rejected", "quorum", "", "few"]
    assert data["rounds"][1]["contributors"] == ["centre-a", "centre-b"]
    assert data["rounds"][2]["rejected"] == ["centre-a"]
    assert data["rounds"][5]["absent"] == ["centre-a", "centre-b"]
    assert data["strikes"][0]["member"] == "centre-b"
    assert data["leaves"] == [{"round": 7, "member": "centre-c"}]
    assert list(data["losses"]) == ["centre-a", "centre-b", "centre-c"]


def test_both_languages_tell_the_same(eventful):
    html = page(eventful)
    german, english = text_of(html, "de"), text_of(html, "en")
    for told in ("centre-a", eventful.base.root.hex(), "msi-2026", eventful.federation.fingerprint):
        assert told in german
        assert told in english
    assert "Alles nachgerechnet, kein Widerspruch." in german
    assert "Everything recomputed, no contradiction." in english
    assert "recomputed" not in german
    assert "nachgerechnet" not in english
    assert "33,0 %" in german
    assert "33.0 %" in english
    assert "zwei verschiedene Ergebnisse" in german
    assert "987 kB" in german
    assert html.count('<span lang="de">') == html.count('<span lang="en">') > 100


def test_a_contradiction_stands_at_the_top_with_the_centre_by_name(eventful):
    path = eventful.checkpoint.update_path(1, eventful.ledgers[1].account)
    path.write_bytes(b"x" + path.read_bytes()[1:])
    html = page(eventful, "en")
    text = text_of(html, "en")
    assert "The audit has failed." in text
    assert "the update of centre-b is not what it committed to" in text
    assert "Everything recomputed" not in text


def test_a_centre_that_was_away_says_so(tmp_path):
    played = Played(tmp_path)
    played.final()
    played.final([1, 2], kept=False)
    text = text_of(page(played, "de", node={}), "de")
    assert "Geprüft, soweit dieses Zentrum dabei war." in text
    assert "Netzverkehr" not in text


def test_nothing_from_elsewhere_gets_into_the_page_unescaped_and_nothing_is_loaded(eventful):
    evil = '<img src=x onerror="alert(1)">'
    first, *rest = eventful.federation.members
    members = (FederationMember(evil, first.account, first.curve_key, first.endpoint), *rest)
    html = page(eventful, federation=replace(eventful.federation, members=members), name=evil)
    assert "<img" not in html
    assert "&lt;img" in html
    assert evil in text_of(html, "en")
    assert not re.search(r"<script|https?://|@import|url\(", html)
    assert "default-src 'none'" in unescape(html)


def test_a_run_without_rounds_has_a_report_too(tmp_path):
    assert "0 / 9" in text_of(page(Played(tmp_path)), "de")


@pytest.mark.browser
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_browser_shows_it_in_either_language(chromium, eventful, tmp_path, language):
    file = tmp_path / f"{language}.html"
    file.write_text(page(eventful, language))
    chromium.open(file, 1100, 1400)
    chromium.assert_sound()
    assert chromium.evaluate("document.documentElement.lang") == language
    # The style sheet was allowed: a page without it is black on white alone.
    assert len(np.unique(chromium.pixels(tmp_path / "shot.png").reshape(-1, 3), axis=0)) > 50
