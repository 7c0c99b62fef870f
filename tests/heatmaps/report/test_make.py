"""The command ``report`` for a slide: whose it is, what it holds, what it refuses."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from heatmaps.methods import METHODS
from heatmaps.report.make import Asked, make_report
from heatmaps.report.pdf import pdf_bytes
from heatmaps.report.words import Words
from heatmaps.slide.options import Options
from heatmaps.viewer.parts import viewer_parts
from models.evaluation.evaluate import Request
from models.evaluation.evaluate import evaluate as assess
from models.evaluation.output import write_evaluation
from models.evaluation.provenance import provenance_of
from models.model_file import load_model
from models.prediction_record import PredictedBy, write_record
from pipelines.errors import ConfigError, InputError
from pipelines.features import read_features
from tests.heatmaps.report.parsed import Page

if TYPE_CHECKING:
    from pathlib import Path


def page_of(case, **asked: object) -> str:
    return make_report(case.slide, case.model, case.features, Asked(**asked)).html


def data_of(html: str) -> dict:
    return json.loads(html.split('id="viewer-data">')[1].split("</script>")[0])


@pytest.fixture(scope="session")
def html(shared_case) -> str:
    return page_of(shared_case)


def test_nobody_learns_whose_slide_it_is_unless_asked(shared_case, html: str) -> None:
    for language in ("en", "de"):
        made = make_report(shared_case.slide, shared_case.model, shared_case.features, Asked(language=language))
        # The vendored library has a ``case 7:`` of its own.
        assert "case 7" not in made.html.replace(viewer_parts(Words("en"), [], [], overlap=False).library, "")
        assert made.name in made.html
        assert len(made.name) == 10
        assert "case 7" in page_of(shared_case, language=language, identify=True)
    assert str(shared_case.slide.parent) not in html


def test_the_viewer_holds_every_cheap_method_as_the_methods_say_it(shared_case, html: str) -> None:
    data, model, features = data_of(html), load_model(shared_case.model), read_features(shared_case.features)
    assert [(one["target"], one["name"]) for one in data["layers"]] == [
        (0, "contribution"),
        (1, "contribution"),
        (0, "attention"),
        (1, "attention"),
        (0, "single"),
        (1, "single"),
    ]
    for layer in data["layers"]:
        truth = METHODS[layer["name"]]().explain(model, features)[layer["target"]].values
        assert np.frombuffer(base64.b64decode(layer["values"]), "<f4") == pytest.approx(truth, rel=1e-6)
    corners = np.frombuffer(base64.b64decode(data["tiles"]["corners"]), "<f4").reshape(-1, 2)
    assert (corners == features.coords).all()


def test_the_pyramid_is_the_slide(shared_case, html: str) -> None:
    image = data_of(html)["image"]
    assert (image["width"], image["height"], image["slide"]) == (600, 450, [600, 450])
    assert [len(level) * len(level[0]) for level in image["levels"]] == [1, 2]
    left, right = (
        cv2.imdecode(np.frombuffer(base64.b64decode(uri.split(",")[1]), np.uint8), cv2.IMREAD_COLOR)
        for uri in image["levels"][-1][0]
    )
    assert left.shape == (450, 512, 3)
    assert right.shape == (450, 88, 3)


def test_german_pages_are_german(shared_case) -> None:
    html = page_of(shared_case, language="de")
    assert '<html lang="de">' in html
    page = Page(html)
    told = ("alt", "aria-label", "title")
    visible = page.words + " ".join(attrs[name] for _, attrs in page.elements for name in told if name in attrs)
    visible = visible.split("Copyright (C)")[0] + visible.split("POSSIBILITY OF SUCH DAMAGE.")[1]
    english = {"tile", "tiles", "slide", "the", "and", "for", "against", "scale", "evidence", "of", "model"}
    assert not english & set(re.findall(r"[a-z]+", visible.lower()))
    assert "Nur für Forschungszwecke" in visible


def test_other_methods_and_an_absent_slide_give_whole_pages(shared_case) -> None:
    case = shared_case
    made = make_report(None, case.model, case.features, Asked(options=Options(method="single"), language="de"))
    assert "lag nicht vor" in made.html
    assert [one["name"] for one in data_of(made.html)["layers"]][:2] == ["single", "single"]
    assert {one["name"][0] for one in data_of(made.html)["top"]} == {"T"}


def test_options_out_of_range_are_refused(shared_case) -> None:
    with pytest.raises(ConfigError, match="--overview-px is 20"):
        page_of(shared_case, overview_px=20)
    with pytest.raises(ConfigError, match="--clip"):
        page_of(shared_case, options=Options(clip=-1.0))
    with pytest.raises(ConfigError, match="--language"):
        page_of(shared_case, language="fr")


def test_a_page_that_is_too_large_says_what_to_do(monkeypatch, shared_case) -> None:
    monkeypatch.setattr("heatmaps.report.make.MOST_BYTES", 10_000)
    with pytest.raises(ConfigError, match="--overview-px"):
        page_of(shared_case)


@pytest.fixture(scope="session")
def evaluation(shared_case, tmp_path_factory):
    """Evaluates made-up predictions, with a record that names a model; returns the folder."""

    def make(sha256: str | None, locked: bool = True) -> Path:
        folder, rng = tmp_path_factory.mktemp("evaluated"), np.random.default_rng(4)
        tables = []
        for name, first in (("test", 0), ("cal", 1000)):
            labels = rng.uniform(size=120) < 0.4
            chances = 1 / (1 + np.exp(-(rng.normal(size=120) + 2.5 * labels - 1)))
            rows = [f"p{first + i},{chance:.6f}" for i, chance in enumerate(chances)]
            text = "PATIENT,MSI_MSIH\n" + "\n".join(rows) + "\n"
            (folder / f"{name}.csv").write_text(text, "utf-8")
            if sha256 is not None:
                targets = load_model(shared_case.model).spec.targets
                write_record(folder / f"{name}.csv", text, PredictedBy(sha256, "m.safetensors", "e", "e", targets))
            tables += [f"p{first + i},{'MSIH' if label else 'MSS'}" for i, label in enumerate(labels)]
        (folder / "clini.csv").write_text("PATIENT,MSI\n" + "\n".join(tables) + "\n", "utf-8")
        request = Request(
            predictions=(folder / "test.csv",),
            clini=folder / "clini.csv",
            targets=("MSI",),
            positive={},
            calibration=(folder / "cal.csv",) if locked else (),
        )
        write_evaluation(folder / "out", assess(request), provenance_of(request, "2026-01-01"))
        return folder / "out"

    return make


def test_locked_thresholds_call_the_slide(shared_case, evaluation) -> None:
    folder = evaluation(load_model(shared_case.model).sha256)
    entry = json.loads((folder / "metrics.json").read_text("utf-8"))[0]
    made = make_report(
        shared_case.slide, shared_case.model, shared_case.features, Asked(targets=["MSI"], evaluation=folder)
    )
    probability = made.scores[0].probability
    for point in entry["operating_points"]:
        assert f"{point['locked']['threshold']:.4g}" in made.html
        call = ">MSIH</td>" if probability >= point["locked"]["threshold"] else ">not MSIH</td>"
        assert call in made.html
        assert f"{100 * point['specificity']['value']:.1f} %" in made.html
    side = "at or above" if probability >= entry["operating_points"][1]["locked"]["threshold"] else "below"
    assert f"MSIH: {side} the threshold" in made.html
    assert f"Calibration slope {entry['calibration']['slope']['value']:.2f}" in made.html
    assert "record names this model" in made.html
    assert "No decision threshold is set here" not in made.html
    assert "Steigung der Kalibrierung" in page_of(shared_case, targets=["MSI"], evaluation=folder, language="de")


def test_an_evaluation_of_another_model_target_or_without_thresholds_is_told(shared_case, evaluation, tmp_path) -> None:
    with pytest.raises(InputError, match="other models"):
        page_of(shared_case, targets=["MSI"], evaluation=evaluation("ab" * 32))
    unknown = evaluation(None, locked=False)
    html = page_of(shared_case, targets=["MSI"], evaluation=unknown)
    assert "nothing proves that it was this one" in html
    assert "no locked threshold" in html
    with pytest.raises(InputError, match="does not evaluate the target BRAF"):
        page_of(shared_case, evaluation=unknown)
    with pytest.raises(InputError, match=r"metrics\.json"):
        page_of(shared_case, evaluation=tmp_path)


def test_paper_shows_the_same_without_a_script(shared_case, html: str) -> None:
    pytest.importorskip("weasyprint")
    printed = pdf_bytes(html)
    assert printed.startswith(b"%PDF")
    pictures = {part.split('"')[0] for part in html.split('<img src="')[1:]}
    assert len(pictures) > 10
    assert printed.count(b"/DCTDecode") == len(pictures)


def test_without_weasyprint_a_sentence_says_what_is_missing(shared_case, tmp_path) -> None:
    blocked = tmp_path / "weasyprint.py"
    blocked.write_text("raise ImportError('no such library')\n", "utf-8")
    case = shared_case
    words = ["report", str(case.slide), "--model", str(case.model), "--features", str(case.features)]
    words += ["--out", str(tmp_path / "r.html"), "--pdf", str(tmp_path / "r.pdf")]
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); sys.argv[1:] = {words!r};"
    script += "from wsi_swarm.cli.main import main; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "install wsi-swarm[pdf]" in done.stderr
    assert not (tmp_path / "r.html").exists()


def test_the_command_writes_the_page_and_names_it(shared_case, tmp_path) -> None:
    case = shared_case
    words = ["report", case.slide, "--model", case.model, "--features", case.features, "--out", tmp_path / "r.html"]
    run = [sys.executable, "-m", "wsi_swarm.cli.main", *map(str, words), "--json"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert document["files"] == [str(tmp_path / "r.html")]
    assert document["slide"] in (tmp_path / "r.html").read_text("utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "wsi_swarm.cli.main", "report", str(case.slide), "--out", str(tmp_path / "s.html")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "needs --model and --features" in done.stderr
