"""Reading tables of measurements, and joining them with a clinical table."""

from __future__ import annotations

import gzip
import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.tabular.cohort import TableCentre, load_table_cohort
from models.tabular.table import columns_sha256, read_column_list, read_measurements
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BY_PATIENT = "PATIENT,TP53,ABC1\np1,1.5,-2\np2,3e2,0\n"


def test_both_ways_round_every_delimiter_and_gzip_read_alike(tmp_path: Path) -> None:
    by_gene = ",p1,p2\nTP53,1.5,3e2\nABC1,-2,0\n"
    texts = {
        "a.csv": BY_PATIENT,
        "b.tsv": BY_PATIENT.replace(",", "\t"),
        "c.txt": BY_PATIENT.replace(",", ";"),
        "d.csv": by_gene,
        "e.csv": "GENE" + by_gene.replace("\n", "\r\n"),
        "f.csv": "TP53,PATIENT,ABC1\n1.5,p1,-2\n\n3e2,p2,0\n",
        "g.csv": "\ufeff" + BY_PATIENT,
    }
    for name, text in texts.items():
        (tmp_path / name).write_bytes(text.encode())
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(text.encode()))
        for path in (tmp_path / name, tmp_path / f"{name}.gz"):
            found = read_measurements(path)
            assert (found.patients, found.columns) == (("p1", "p2"), ("ABC1", "TP53"))
            assert found.values.dtype == np.float32
            assert found.values.tolist() == [[-2.0, 1.5], [0.0, 300.0]]
            assert found.select(["TP53"]).tolist() == [[1.5], [300.0]]


def test_a_patients_id_is_text(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("PATIENT,a\n007,1\n1e3,2\nNA,3\n")
    assert read_measurements(tmp_path / "t.csv").patients == ("007", "1e3", "NA")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("PATIENT,a,b\np1,1,x\n", r"row 2, column b: 'x' is no number"),
        ("PATIENT,a,b\np1,1,2\np2,,2\n", r"row 3, column a: '' is no number"),
        ("PATIENT,a,b\np1,1,NA\n", r"row 2, column b: 'NA' is no number"),
        ("PATIENT,a,b\np1,1,inf\n", r"row 2, column b: 'inf' is no number"),
        ("PATIENT,a,b\np1,1,1e300\n", r"row 2, column b: '1e300' is no number"),
        ("PATIENT,a,b\np1,1\n", r"row 2, column b: '' is no number"),
        ("PATIENT,a,a\np1,1,2\n", r"column a 2 times"),
        ("PATIENT,a,\np1,1,2\n", r"column without a name"),
        ("PATIENT,a\np1,1\np1,2\n", r"patient p1 2 times"),
        ("PATIENT,a\n", r"names no patient"),
        ("PATIENT\np1\n", r"names no column"),
        ("", r"no column PATIENT"),
        ("sample,a\np1,1\n", r"first cell is 'sample'"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_measurements(tmp_path / "t.csv")
    assert "t.csv" in str(caught.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(BY_PATIENT.encode() * 1000)[:-30])
    (tmp_path / "fake.csv.gz").write_text(BY_PATIENT)
    (tmp_path / "latin.csv").write_bytes("PATIENT,a\nMüller,1\n".encode("latin-1"))
    (tmp_path / "wide.csv").write_text("PATIENT,a\np1,1,2,3\n")
    (tmp_path / "t.xlsx").touch()
    for name in ("cut.csv.gz", "fake.csv.gz", "latin.csv", "wide.csv", "absent.csv"):
        with pytest.raises(InputError, match=name):
            read_measurements(tmp_path / name)
    with pytest.raises(ConfigError, match="neither"):
        read_measurements(tmp_path / "t.xlsx")


def test_the_columns_hash_is_that_of_a_sorted_list(tmp_path: Path) -> None:
    path = tmp_path / "genes.txt"
    path.write_text("TP53\n\n ABC1 \n")
    assert read_column_list(path) == ("ABC1", "TP53")
    assert columns_sha256(("TP53", "ABC1")) == hashlib.sha256(b"ABC1\nTP53\n").hexdigest()
    path.write_text("TP53\nTP53\n")
    with pytest.raises(ConfigError, match="TP53 2 times"):
        read_column_list(path)


def test_a_cohort_joins_by_patient_and_says_who_is_left_out(write_centre: Callable, tmp_path: Path) -> None:
    a, b = write_centre("a", 8, 0), write_centre("b", 6, 1)
    clini = a.clini.read_text().replace("a3,yes\n", "").replace("a2,no", "a2,unknown") + "a99,yes\n"
    a.clini.write_text(clini)
    found = load_table_cohort([TableCentre(a.table, a.clini), TableCentre(b.table, b.clini)], ["AML"], "zscore")
    assert found.patients == ("a0", "a1", "a4", "a5", "a6", "a7", *(f"b{n}" for n in range(6)))
    assert found.counts("AML") == (6, 6, 0)
    assert found.values.shape == (12, 30)
    for rows in (slice(0, 6), slice(6, 12)):  # each centre by itself
        assert np.allclose(found.values[rows].mean(axis=0), 0, atol=1e-6)
        assert np.allclose(found.values[rows].std(axis=0), 1, atol=1e-6)
    reasons = ("a2: no label", "a3: is in the table of measurements and not", "a99: has no measurements")
    for line, words in zip(found.dropped, reasons, strict=True):
        assert words in line


def test_centres_must_have_the_same_columns_or_name_them(write_centre: Callable) -> None:
    a, b = write_centre("a", 6, 0, columns=5), write_centre("b", 6, 1, columns=4)
    centres = [TableCentre(a.table, a.clini), TableCentre(b.table, b.clini)]
    with pytest.raises(ConfigError, match=r"5 columns .* 4 .*, 4 of them in both; name the columns to use"):
        load_table_cohort(centres, ["AML"], "none")
    found = load_table_cohort(centres, ["AML"], "none", columns=["g003", "g001"])
    assert found.columns == ("g001", "g003")
    with pytest.raises(ConfigError, match=r"b/table\.csv lacks 1 of the 2 columns .* g004"):
        load_table_cohort(centres, ["AML"], "none", columns=["g004", "g001"])


def test_one_person_in_two_centres_and_one_class_are_refused(write_centre: Callable) -> None:
    a = write_centre("a", 6, 0)
    twice = [TableCentre(a.table, a.clini)] * 2
    with pytest.raises(ConfigError, match="stands in two centres"):
        load_table_cohort(twice, ["AML"], "none")
    a.clini.write_text("PATIENT,AML\na0,yes\na2,yes\nx,no\n")
    with pytest.raises(ConfigError, match="no patient with measurements is no in column AML"):
        load_table_cohort(twice[:1], ["AML"], "none")
