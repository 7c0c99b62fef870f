"""Tiles for readers, from heatmaps that the command made of drawn slides."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from heatmaps.making.slide_heatmap import make_heatmap
from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.choosing.choose import LOWEST, OPPOSITE, RANDOM
from heatmaps.readers.choosing.study import study_text
from heatmaps.readers.kit.build import build_kits
from heatmaps.readers.kit.study_file import read_study_file
from heatmaps.slide.options import Options
from models.model_file import load_model, save_model
from pipelines.features import write_features
from tests.heatmaps.conftest import draw_slide, planted_features, planted_model
from wsi_swarm.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable

POSITIVE, NEGATIVE = ("B26-7011", "B26-7012", "B26-7021"), ("B26-7031",)
PATIENTS = {"B26-7011": "PAT-7701", "B26-7012": "PAT-7701", "B26-7021": "PAT-7702", "B26-7031": "PAT-7703"}


@pytest.fixture(scope="session")
def shared_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four slides of three patients, explained by two models that agree on the planted tiles but for their strength."""
    tmp_path = tmp_path_factory.mktemp("study")
    (tmp_path / "slides").mkdir()
    local = planted_model()
    head = local.state["head.weight"].copy()
    head[0] = [9, -2, 6, 0]
    models = {"swarm": planted_model(), "local": replace(local, state={**local.state, "head.weight": head})}
    for name, model in models.items():
        save_model(tmp_path / f"{name}.safetensors", model)
    for slide in (*POSITIVE, *NEGATIVE):
        draw_slide(tmp_path / "slides" / f"{slide}.tif")
        features, planted_for, planted_against = planted_features(slide)
        vectors = features.features.copy()
        planted = planted_for if slide in NEGATIVE else planted_against
        # One kind of evidence alone makes the class plain; a little noise tells the slides apart.
        vectors[planted, :2] = np.random.default_rng(int(slide[-4:])).uniform(0, 0.05, (len(planted), 2))
        write_features(tmp_path / "features" / f"{slide}.h5", replace(features, features=vectors))
        for name in models:
            make_heatmap(
                tmp_path / "slides" / f"{slide}.tif",
                load_model(tmp_path / f"{name}.safetensors"),
                tmp_path / "features" / f"{slide}.h5",
                tmp_path / f"maps-{name}",
                targets=["MSI"],
            )
    rows = [("PATIENT", "FILENAME", "CENTRE"), *((PATIENTS[s], f"{s}.h5", "Musterklinik") for s in PATIENTS)]
    (tmp_path / "slides.csv").write_text("".join(",".join(row) + "\n" for row in rows))
    (tmp_path / "clini.csv").write_text("PATIENT,MSI\nPAT-7701,MSI-H\nPAT-7702,MSI-H\nPAT-7703,MSS\n")
    return tmp_path


@pytest.fixture
def study(shared_study: Path, tmp_path: Path) -> Path:
    """A copy that the test may change."""
    return Path(shutil.copytree(shared_study, tmp_path / "all"))


@pytest.fixture
def items(study: Path, monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run the command as from a shell, with both arms; returns exit code, stdout, stderr."""

    def run(*words: object, arms: tuple[str, ...] = ("swarm=maps-swarm", "local=maps-local")) -> tuple[int, str, str]:
        named = [word for arm in arms for word in ("--arm", arm)]
        fixed = ["--target", "MSI", "--slide-table", "slides.csv", "--slides", "slides", "--out", "study/items.csv"]
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "reader", "items", *named, *fixed, *map(str, words)])
        monkeypatch.chdir(study)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def table(study: Path) -> list[dict[str, str]]:
    with (study / "study" / "items.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def arm_values(study: Path, arm: str, slide: str) -> dict[tuple[float, float], float]:
    with (study / f"maps-{arm}" / slide / "scores.csv").open(newline="") as file:
        return {(float(r["x0"]), float(r["y0"])): float(r["contribution_MSI"]) for r in csv.DictReader(file)}


def test_the_tiles_are_the_highest_of_each_arm_and_a_kit_of_them_is_blind(items, study: Path) -> None:
    code, out, err = items("--clini", "clini.csv", "--opposite-slides", 1, "--opposite", 2, "--seed", 5)
    assert code == 0
    assert "3 of 20 positive slides" in err
    rows = table(study)
    for arm in ("swarm", "local"):
        for slide in POSITIVE:
            values = arm_values(study, arm, slide)
            mine = [r for r in rows if r["slide"] == f"{slide}.tif" and f"{arm}-top" in r["group"].split("+")]
            places = [(float(row["x"]), float(row["y"])) for row in mine]
            assert len(places) == 3
            assert max(values, key=values.__getitem__) in places
            assert min(values[place] for place in places) > 0
            for row, place in zip(mine, places, strict=True):
                assert f"{values[place]:.6e}" in row["score"].split()
    assert {row["slide"] for row in rows if row["group"] == OPPOSITE} == {f"{NEGATIVE[0]}.tif"}
    assert {row["class"] for row in rows if row["group"] == OPPOSITE} == {"MSS"}
    assert sum(row["group"] == OPPOSITE for row in rows) == 2
    assert sum(row["group"] == RANDOM for row in rows) == sum(row["group"] == LOWEST for row in rows) == 3
    assert all((row["kind"] == "control") == row["group"].startswith("control-") for row in rows)
    assert {row["patient"] for row in rows} == set(PATIENTS.values())
    assert {row["centre"] for row in rows} == {"Musterklinik"}
    assert "3 patients" in out

    built = build_kits(study / "study" / "study.toml", study / "kits")
    for kit in built.kits:
        assert verify_kit(kit, built.key).leaks == []


def test_a_tile_of_both_arms_is_one_item_for_both(items, study: Path) -> None:
    assert items("--clini", "clini.csv", arms=("swarm=maps-swarm", "again=maps-swarm", "local=maps-local"))[0] == 0
    rows = table(study)
    groups = {row["group"] for row in rows}
    assert "swarm-top+again-top" in groups or "swarm-top+again-top+local-top" in groups
    assert not groups & {"swarm-top", "again-top"}
    places = [(row["slide"], row["x"], row["y"]) for row in rows]
    assert len(set(places)) == len(places)
    for row in rows:
        assert len(row["score"].split()) == len(row["model"].split()) == row["group"].count("-top")


def test_tiles_of_one_group_and_controls_keep_their_distance(items, study: Path) -> None:
    assert items("--clini", "clini.csv", "--apart", 3, "--lowest", 2, "--random", 2)[0] == 0
    rows = table(study)
    for slide in POSITIVE:
        mine = [row for row in rows if row["slide"] == f"{slide}.tif"]
        for group in ("swarm-top", "local-top"):
            tiles = np.array(
                [
                    (float(row["x"]), float(row["y"]))
                    for row in mine
                    if group in row["group"].split("+") or row["kind"] == "control"
                ]
            )
            distance = np.abs(tiles[:, None] - tiles[None]).max(axis=2)[~np.eye(len(tiles), dtype=bool)]
            assert distance.min() >= 3 * 32


def test_the_same_seed_chooses_the_same_and_every_patient_comes_before_one_comes_twice(items, study: Path) -> None:
    found = []
    for seed in (1, 1, 2, 3, 4, 5):
        assert items("--clini", "clini.csv", "--count", 2, "--seed", seed)[0] == 0
        found.append((study / "study" / "items.csv").read_text())
        assert {row["patient"] for row in table(study)} == {"PAT-7701", "PAT-7702"}
        (study / "study" / "items.csv").unlink()
    assert found[0] == found[1]
    assert len(set(found)) > 2


def test_without_labels_the_models_tell_the_class_and_a_study_file_is_kept(items, study: Path) -> None:
    (study / "study").mkdir()
    (study / "study" / "study.toml").write_text("mine")
    code, out, _ = items("--json", arms=("swarm=maps-swarm",))
    assert code == 0
    assert json.loads(out)["study"] is None
    assert (study / "study" / "study.toml").read_text() == "mine"
    assert {row["slide"] for row in table(study)} == {f"{slide}.tif" for slide in POSITIVE}
    assert {row["class"] for row in table(study)} == {""}


@pytest.mark.parametrize("slide_mpp", [None, 0.25])
def test_the_study_file_says_how_the_tiles_are_cut(tmp_path: Path, slide_mpp: float | None) -> None:
    slides, study = tmp_path / "our slides", tmp_path / "a" / "study.toml"
    study.parent.mkdir()
    study.write_text(
        study_text("tile-plausibility", study.parent / "items.csv", slides, 112.0, 0.5, slide_mpp), "utf-8"
    )
    told = read_study_file(study).items
    assert (study.parent / str(told.slides)).resolve() == slides
    assert (told.table, told.tile_um, told.slide_mpp) == ("items.csv", 112.0, slide_mpp)
    # With the surroundings 224 um, which 0.5 um per px show on no more than 448 px.
    assert told.picture_px == 448


def test_a_preference_has_every_pair_of_arms_on_slides_of_both_classes(items, study: Path) -> None:
    code, out, _ = items("--template", "heatmap-preference", "--clini", "clini.csv", "--opposite-slides", 1)
    assert code == 0
    assert "opposite\t1" in out
    file = study / "study" / "study.toml"
    told = read_study_file(file)
    assert told.template == "heatmap-preference"
    file.write_text(file.read_text().replace("repeats = 0.1", "repeats = 0.0"))  # of four pairs none can be repeated
    built = build_kits(file, study / "pairs")
    assert len(built.kits) == len(told.readers)
    rows = table(study)
    assert [row["slide"] for row in rows] == [f"{slide}.tif" for slide in sorted(PATIENTS)]
    for row in rows:
        assert (row["method_a"], row["method_b"], row["target"]) == ("swarm-map", "local-map", "MSI")
        stem = row["slide"].removesuffix(".tif")
        for column, arm in (("scores_a", "swarm"), ("scores_b", "local")):
            assert (study / "study" / row[column]).samefile(study / f"maps-{arm}" / stem / "scores.csv")
    (study / "study" / "items.csv").unlink()
    code, _, err = items("--template", "heatmap-preference", arms=("swarm=maps-swarm",))
    assert (code, "needs two heatmaps of each slide" in err) == (3, True)


def test_assistance_has_the_models_probability_and_the_truth(items, study: Path) -> None:
    words = ("--template", "ai-assistance", "--clini", "clini.csv")
    assert items(*words, "--opposite-slides", 1, arms=("swarm=maps-swarm",))[0] == 0
    rows = table(study)
    assert [row["truth"] for row in rows] == ["1", "1", "1", "0"]
    for row in rows:
        facts = json.loads((study / "study" / row["scores"]).with_name("heatmap.json").read_text())
        assert float(row["ai"]) == facts["targets"][0]["probability"]
    (study / "study" / "items.csv").unlink()
    for more, sentence in (
        (("--clini", "clini.csv"), "needs slides of both classes"),
        (("--opposite-slides", 1), "needs the true class of every slide"),
    ):
        code, _, err = items("--template", "ai-assistance", *more, arms=("swarm=maps-swarm",))
        assert (code, sentence in err) == (3, True)
    code, _, err = items(*words, "--opposite-slides", 1)
    assert (code, "helped by one model" in err) == (3, True)
    assert not (study / "study" / "items.csv").exists()


def test_what_does_not_fit_is_one_sentence(items, study: Path) -> None:
    code, _, err = items(arms=("swarm=maps-none",))
    assert (code, "maps-none holds no heatmap" in err) == (4, True)
    code, _, err = items(arms=("swarm=maps-swarm", "swarm=maps-local"))
    assert (code, "'swarm' is there twice" in err) == (3, True)
    code, _, err = items(arms=())
    assert (code, "no heatmaps are named" in err) == (3, True)
    scores = study / "maps-local" / POSITIVE[0] / "scores.csv"
    scores.write_text(scores.read_text().replace("e-0", "e-1"))
    code, _, err = items()
    assert (code, "was changed after it was written" in err) == (4, True)
    assert not (study / "study").exists()
    assert items(arms=("swarm=maps-swarm",))[0] == 0
    code, _, err = items(arms=("swarm=maps-swarm",))
    assert (code, "is there already" in err) == (3, True)


def test_arms_of_different_methods_and_signless_opposites_are_refused(items, study: Path) -> None:
    make_heatmap(
        None,
        load_model(study / "local.safetensors"),
        study / "features" / f"{POSITIVE[0]}.h5",
        study / "maps-attention",
        targets=["MSI"],
        options=Options(method="attention"),
    )
    code, _, err = items(arms=("swarm=maps-swarm", "local=maps-attention"))
    assert (code, "explained by different methods" in err) == (3, True)
    code, _, err = items("--opposite-slides", 1, arms=("local=maps-attention",))
    assert (code, "attention does not say what speaks against a class" in err) == (3, True)
