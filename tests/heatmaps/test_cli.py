from __future__ import annotations

import json
from pathlib import Path

from models.model_file import load_model
from models.predict import predict_bag
from pipelines.features import read_features


def asked(case) -> tuple[object, ...]:
    return (case.slide, "--model", case.model, "--features", case.features)


def test_result_goes_to_stdout_as_one_document(heatmap, shared_case, tmp_path: Path) -> None:
    case = shared_case
    words = (*asked(case), "--out", tmp_path / "out", "--target", "MSI")
    code, out, _ = heatmap(*words, "--json")
    assert code == 0
    document = json.loads(out)
    expected = predict_bag(load_model(case.model), read_features(case.features).features)
    assert document["targets"][0]["probability"] == expected["MSI"]
    names = [Path(name).relative_to(tmp_path / "out" / "case 7").as_posix() for name in document["files"]]
    kinds = ("overlay-MSI.png", "overview-MSI.png", "raw-MSI.png", "contact-MSI.png", "qupath-MSI.geojson")
    tiles = {name for name in names if name.startswith("tiles/MSI-")}
    assert set(names) - tiles == {"report.html", "scores.csv", "open-in-qupath.groovy", "tiles/tiles.csv", *kinds}
    assert tiles >= {"tiles/MSI-F1.jpg", "tiles/MSI-A1.jpg"}
    assert all(Path(name).is_file() for name in document["files"])
    assert not document["reused"]
    code, out, _ = heatmap(*words)
    assert code == 0
    assert f"MSI_MSIH\t{expected['MSI']!r}\n" in out
    assert str(tmp_path / "out" / "case 7" / "report.html") in out
    assert json.loads(heatmap(*words, "--json")[1])["reused"]


def test_refusal_is_one_sentence_and_exit_code_4(heatmap, case, tmp_path: Path) -> None:
    other = case.slide.with_name("case 8.tif")
    case.slide.rename(other)
    code, out, err = heatmap(other, "--model", case.model, "--features", case.features, "--out", tmp_path / "out")
    assert (code, out) == (4, "")
    assert "belongs to slide case 7" in err


def test_method_is_chosen_and_its_error_printed(heatmap, shared_case, tmp_path: Path) -> None:
    case = shared_case
    words = (*asked(case), "--out", tmp_path / "out", "--target", "MSI")
    code, out, _ = heatmap(*words, "--method", "ig")
    assert code == 0
    assert "MSI_MSIH\tcompleteness error " in out
    document = json.loads(heatmap(*words, "--method", "ig", "--json")[1])
    assert document["method"] == "ig"
    assert abs(document["targets"][0]["details"]["completeness_error"]) < 1e-6
    assert "bias" not in document["targets"][0]
    code, out, err = heatmap(*words, "--method", "attention", "--occlude", 2)
    assert (code, out) == (3, "")
    assert "--occlude is a setting of --method occlusion" in err


def test_a_slide_called_like_the_subcommand_is_named_by_its_path(heatmap, case, tmp_path: Path) -> None:
    case.slide.rename(case.slide.with_name("evaluate"))
    code, _, err = heatmap(
        f"./{case.slide.with_name('evaluate').name}", "--model", case.model, "--features", case.features, "--out", "out"
    )
    assert code == 4
    assert "--model" not in err
    assert "evaluate" in err
