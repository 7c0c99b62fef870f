"""The record beside a table of predictions: who made it, and only for the very bytes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from models.prediction_record import PredictedBy, read_record, record_path, write_record
from models.targets import Target

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "PATIENT,MSI_MSIH\np1,0.25\n"
MODEL = PredictedBy("ab" * 32, "model.safetensors", "uni", "uni (card ...)", (Target("MSI", "MSIH", ("MSS",)),))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_a_record_names_the_model_of_these_bytes(tmp_path: Path) -> None:
    table = tmp_path / "preds.v2.csv"
    write_record(table, TEXT, MODEL)
    assert record_path(table).name == "preds.v2.model.json"
    assert read_record(table, sha256(TEXT)) == MODEL
    assert "was changed since" in str(read_record(table, sha256(TEXT + "p2,0.5\n")))


def test_a_table_of_other_software_has_none(tmp_path: Path) -> None:
    assert "no record of the model lies beside the table (preds.model.json" in str(
        read_record(tmp_path / "preds.csv", sha256(TEXT))
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "other 1"}, "not of the format"),
        ({"table_sha256": 3}, "not of the format"),
        ({"model": {}}, "damaged"),
        ({"model": None}, "damaged"),
        ({"model": {"targets": [3]}}, "damaged"),
    ],
)
def test_what_is_no_record_is_said(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    table = tmp_path / "preds.csv"
    write_record(table, TEXT, MODEL)
    path = record_path(table)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    assert says in str(read_record(table, sha256(TEXT)))
    for content in ("{", "[]", '"text"'):
        path.write_text(content)
        assert "damaged" in str(read_record(table, sha256(TEXT)))
