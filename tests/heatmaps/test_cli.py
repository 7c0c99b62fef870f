from __future__ import annotations

import json
from pathlib import Path

import pytest

from models.model_file import load_model
from models.predict import predict_bag
from pipelines.features import read_features
from wsi_swarm.cli.main import main


@pytest.fixture
def heatmap(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path):
    """Run the command as from a shell; returns exit code, stdout, stderr."""

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "heatmap", *map(str, words)])
        monkeypatch.chdir(tmp_path)
        with pytest.raises(SystemExit) as left:
            main()
        return int(left.value.code or 0), *capsys.readouterr()

    return run


def test_result_goes_to_stdout_as_one_document(heatmap, shared_case, tmp_path: Path) -> None:
    case = shared_case
    words = (
        case.slide,
        "--model",
        case.model,
        "--features",
        case.features,
        "--out",
        tmp_path / "out",
        "--target",
        "MSI",
    )
    code, out, _ = heatmap(*words, "--json")
    assert code == 0
    document = json.loads(out)
    expected = predict_bag(load_model(case.model), read_features(case.features).features)
    assert document["targets"][0]["probability"] == expected["MSI"]
    assert len(document["files"]) == 6
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
