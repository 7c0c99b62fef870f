"""``wsi-swarm evaluate`` as a user types it."""

from __future__ import annotations

import csv
import json
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from models.evaluation.tripod import ITEMS
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def evaluate(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["wsi-swarm", "evaluate", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *capfd.readouterr())

    return run


@dataclass
class Cohort:
    """Tables of 300 drawn patients of four centres (one with 8 patients only) and of 120 for calibration."""

    folder: Path

    def __post_init__(self) -> None:
        self.write("", 300, ("Aachen", "Bonn", "Leeds", "<b>Mainz</b>"), 1)
        self.write("cal_", 120, ("Aachen",), 2)

    def write(self, prefix: str, patients: int, sites: tuple[str, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        clini, swarm, merged = ["PATIENT,MSI,SITE,SIDE"], ["PATIENT,MSI_MSIH"], ["PATIENT,MSI_MSIH"]
        for index in range(patients):
            positive = rng.random() < 0.3
            site = sites[index % (len(sites) - 1)] if len(sites) > 1 and index >= 8 else sites[-1]
            label = "" if index == 20 else "MSI-H" if positive else "MSS"
            clini.append(f"{prefix}p{index},{label},{site},{'left' if index % 3 else ''}")
            signal = -1.0 + 2.0 * positive + rng.normal(0, 1)
            for table, noise, skipped in ((swarm, 0.3, index == 30), (merged, 0.5, False)):
                if not skipped:
                    table.append(f"{prefix}p{index},{1 / (1 + np.exp(-signal - rng.normal(0, noise))):.6f}")
        for name, lines in (("clini", clini), ("swarm", swarm), ("merged", merged)):
            (self.folder / f"{prefix}{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")

    def __getitem__(self, name: str) -> Path:
        return self.folder / f"{name}.csv"


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    return Cohort(tmp_path_factory.mktemp("cohort"))


@pytest.fixture
def everything(cohort: Cohort, evaluate: Callable[..., Done], tmp_path: Path) -> tuple[Done, Path]:
    done = evaluate(
        "--predictions", cohort["swarm"], "--predictions", cohort["merged"], "--clini", cohort["clini"],
        "--target", "MSI", "--out", tmp_path / "out", "--centre", "SITE", "--subgroup", "SIDE",
        "--calibration", cohort["cal_swarm"], "--calibration", cohort["cal_merged"],
        "--calibration-clini", cohort["cal_clini"], "--compare", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done, tmp_path / "out"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def test_everything_at_once(everything: tuple[Done, Path]) -> None:
    done, out = everything
    metrics = json.loads(done.stdout)
    assert metrics == json.loads((out / "metrics.json").read_text("utf-8"))
    swarm, merged = metrics
    assert (swarm["n_pos"] + swarm["n_neg"], merged["n_pos"] + merged["n_neg"]) == (298, 299)
    assert swarm["flow"]["without_label"] == swarm["n_unlabelled"] == swarm["n_unpredicted"] == 1
    assert [p["locked"]["wanted"] for p in swarm["operating_points"]] == [0.9, 0.95, 0.99]
    assert swarm["comparisons"][0]["second"] == "merged"
    assert merged["comparisons"] == []
    check_report(out)
    check_tables(out, swarm)
    check_nothing_is_nan(out)


def check_report(out: Path) -> None:
    html = (out / "report.html").read_text("utf-8")
    assert "<b>Mainz</b>" not in html
    assert "&lt;b&gt;Mainz&lt;/b&gt;" in html
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert "default-src &#39;none&#39;" in html
    assert html.count('<img src="data:image/svg+xml;base64,') == 10
    for needed in ("prediction interval", "Clopper-Pearson", "Research use only", "To be completed", "20a", "seed 0"):
        assert needed in html
    assert "no AUROC: too few patients" in html.replace("No AUROC", "no AUROC")
    for name in out.glob("*.svg"):
        assert ET.fromstring(name.read_text("utf-8")).tag.endswith("svg")


def check_tables(out: Path, swarm: dict) -> None:
    preds = rows(out / "patient-preds-swarm-MSI.csv")
    assert list(preds[0]) == [
        "PATIENT", "MSI", "pred", "MSI_MSS", "MSI_MSIH", "loss",
        "pred_sensitivity_90", "pred_sensitivity_95", "pred_sensitivity_99",
    ]  # fmt: skip
    assert len(preds) == 298
    losses = [float(row["loss"]) for row in preds]
    assert losses == sorted(losses)
    called = sum(row["pred_sensitivity_90"] == "MSIH" for row in preds)
    assert called == swarm["operating_points"][0]["tp"] + swarm["operating_points"][0]["fp"]
    numbers = {(r["predictions"], r["number"]): r["value"] for r in rows(out / "numbers.csv")}
    assert float(numbers["swarm", "auroc.value"]) == swarm["auroc"]["value"]
    bonn = next(m for m in swarm["centres"]["members"] if m["group"]["name"] == "Bonn")
    assert float(numbers["swarm", "centres.members[Bonn].group.auroc.value"]) == bonn["group"]["auroc"]["value"]
    groups = rows(out / "groups.csv")
    assert "too few patients" in next(r["note"] for r in groups if r["group"] == "<b>Mainz</b>")
    assert len(rows(out / "decision_curve.csv")) == 100
    assert [r["item"] for r in rows(out / "tripod_ai.csv")] == [item[0] for item in ITEMS]
    assert len({r["patients"] for r in rows(out / "operating_points.csv")}) == 6
    provenance = json.loads((out / "provenance.json").read_text("utf-8"))
    assert [file["role"] for file in provenance["files"]].count("calibration predictions") == 2
    assert [used["predictions"] for used in provenance["models"]] == [
        "swarm",
        "merged",
        "cal_swarm.csv",
        "cal_merged.csv",
    ]
    assert all("no record of the model lies beside the table" in used["unknown"] for used in provenance["models"])
    assert str(out.parent) not in json.dumps(provenance)


def check_nothing_is_nan(out: Path) -> None:
    for path in out.iterdir():
        if path.suffix in {".csv", ".json"}:
            assert not re.search(r"\b(nan|NaN|inf|Infinity|None)\b", path.read_text("utf-8")), path.name
    text = re.sub(r"base64,[^\"]*", "", (out / "report.html").read_text("utf-8"))
    assert not re.search(r"\b(nan|inf|None(?! of)|Absent|Estimate)\b", text)


def test_the_same_call_gives_the_same_bytes(
    everything: tuple[Done, Path], cohort: Cohort, evaluate: Callable[..., Done], tmp_path: Path
) -> None:
    _, out = everything
    call = (
        "--predictions", cohort["swarm"], "--predictions", cohort["merged"], "--clini", cohort["clini"],
        "--target", "MSI", "--out", tmp_path / "again", "--centre", "SITE", "--subgroup", "SIDE",
        "--calibration", cohort["cal_swarm"], "--calibration", cohort["cal_merged"],
        "--calibration-clini", cohort["cal_clini"], "--compare",
    )  # fmt: skip
    done = evaluate(*call)
    assert "swarm against merged: difference" in done.stdout
    for path in out.iterdir():
        if path.name not in {"report.html", "provenance.json"}:  # these tell the time
            assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_a_bare_call_prints_a_table_and_says_what_is_missing(cohort: Cohort, evaluate: Callable[..., Done]) -> None:
    done = evaluate("--predictions", cohort["swarm"], "--clini", cohort["clini"], "--target", "MSI")
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["predictions", "target", "positive", "AUROC"]
    assert lines[1].split()[:3] == ["swarm", "MSI", "MSIH"]
    assert lines[2] == "swarm, MSI: interval by DeLong 1988"
    assert "no calibration set was given; name one with --calibration" in done.stdout


def test_one_class_and_tiny_cohorts_get_sentences(evaluate: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "preds.csv").write_text("PATIENT,MSI_MSIH,BRAF_MUT\na,0.9,0.2\nb,0.2,0.7\nc,0.4,0.6\nd,0.8,0.1\n")
    (tmp_path / "clini.csv").write_text("PATIENT,MSI,BRAF,SITE\na,MSI-H,WT,X\nb,MSS,WT,X\nc,MSS,WT,\nd,MSI-H,WT,Y\n")
    out = tmp_path / "out"
    done = evaluate(
        "--predictions", tmp_path / "preds.csv", "--clini", tmp_path / "clini.csv", "--target", "MSI",
        "--target", "BRAF", "--out", out, "--centre", "SITE", "--subgroup", "SITE",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check_nothing_is_nan(out)
    msi, braf = json.loads((out / "metrics.json").read_text("utf-8"))
    assert msi["auroc"]["value"] == 1.0
    assert msi["auroc"]["low"] < 0.5
    assert "perfect separation" in msi["auroc_delong"]["reason"]
    assert "too few patients (2 positive, 2 negative" in msi["calibration"]["reason"]
    assert "0 of 2 groups" in msi["centres"]["pooled"]["reason"]
    assert braf["auroc"] is None
    assert "none of the 4 predicted and labelled patients is positive (MUT)" in braf["reason"]
    html = (out / "report.html").read_text("utf-8")
    assert "None of the 4 predicted and labelled patients is positive (MUT)" in html


def test_the_target_of_one_class_alone_is_an_error(evaluate: Callable[..., Done], tmp_path: Path) -> None:
    (tmp_path / "preds.csv").write_text("PATIENT,MSI_MSIH\na,0.9\nb,0.2\n")
    (tmp_path / "clini.csv").write_text("PATIENT,MSI\na,MSS\nb,MSS\n")
    done = evaluate("--predictions", tmp_path / "preds.csv", "--clini", tmp_path / "clini.csv", "--target", "MSI")
    assert done.returncode == 3
    assert "nothing could be evaluated" in done.stderr
    assert "Traceback" not in done.stderr


def test_faults_have_a_sentence(cohort: Cohort, evaluate: Callable[..., Done]) -> None:
    given = ("--predictions", cohort["swarm"], "--clini", cohort["clini"], "--target", "MSI")
    for more, message in (
        (("--compare",), "--compare needs at least two --predictions"),
        (("--calibration-clini", cohort["cal_clini"]), "--calibration-clini is given without --calibration"),
        (("--calibration", cohort["cal_swarm"], "--calibration", cohort["cal_merged"]), "2 --calibration tables for 1"),
        (("--calibration", cohort["merged"]), "298 patients of the calibration set of swarm are also among those"),
        (("--centre", "KLINIK"), "has no column KLINIK"),
        (("--subgroup", "PATIENT"), "300 different values are no groups"),
    ):
        done = evaluate(*given, *more)
        assert done.returncode == 3, done.stderr
        assert message in done.stderr
        assert "Traceback" not in done.stderr
