"""Several centres, test tables, labels by named positives, and tables that can't be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.cohort import Centre, load_merged_cohort
from models.cohorts.check import examine
from models.cohorts.loading import CentreFiles
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


def test_a_patient_of_two_centres_is_found_and_refused_in_the_same_words(draft, tmp_path: Path) -> None:
    one, other = draft(), draft(prefix="Q")
    other.clini[4][0] = "P-07"
    other.slides = [["P-07" if row[0] == "Q-03" else row[0], row[1]] for row in other.slides]
    centres = [one.write(tmp_path / "one"), other.write(tmp_path / "other")]
    (finding,) = examine(centres, ["MSI"]).findings
    assert (finding.severity, finding.kind, finding.row) == ("error", "patient in two centres", 5)
    assert "clini.csv row 9" in finding.what
    with pytest.raises(ConfigError) as caught:
        load_merged_cohort([Centre(c.clini, c.slides, c.features) for c in centres], ["MSI"])
    assert str(caught.value) == finding.sentence


def test_a_patient_of_training_and_test_is_an_error_and_another_spelling_a_warning(draft, tmp_path: Path) -> None:
    test = draft(prefix="T")
    test.clini[2][0], test.clini[3][0] = "P-05", "p_06"
    written = test.write(tmp_path / "test")
    centres = [draft().write(tmp_path / "train"), CentreFiles(written.clini, test=True)]
    found = examine(centres, ["MSI"]).findings
    assert [(f.severity, f.kind, f.row) for f in found] == [
        ("error", "patient in training and test", 3),
        ("warning", "patient in training and test", 4),
    ]
    assert "'P-06'" in found[1].what


def test_a_test_table_with_another_spelling_or_too_few_is_found(draft, tmp_path: Path) -> None:
    test = draft(prefix="T", labels=("MSI-high", "nonMSIH"))
    test.clini = test.clini[:9]
    written = test.write(tmp_path / "test")
    centres = [draft().write(tmp_path / "train"), CentreFiles(written.clini, test=True)]
    empty, same = examine(centres, ["MSI"], {"MSI": "MSIH"}).findings
    assert (empty.severity, empty.kind, empty.file) == ("error", "class empty", written.clini)
    assert (same.severity, same.kind, same.file) == ("error", "same meaning", written.clini)
    assert "'MSI-high' (4 rows, the first here) probably means the same as 'MSIH' (12 rows)" in same.what
    small = [f for f in examine(centres, ["BRAF"]).findings if f.kind == "class small"]
    assert {"in the test tables" in f.what for f in small} == {True}


def test_the_centre_alone_tells_the_label(draft, tmp_path: Path) -> None:
    one, other = draft(), draft(prefix="Q")
    for draft_, rare in ((one, "MSIH"), (other, "nonMSIH")):
        for row in draft_.clini[1:20]:
            row[1] = rare
    centres = [one.write(tmp_path / "one"), other.write(tmp_path / "other")]
    examination = examine(centres, ["MSI"])
    (finding,) = examination.findings
    assert finding.kind == "shortcut"
    assert finding.what.startswith("the centre whose tables these are alone tells MSIH from the rest (AUROC 0.")
    assert "test on a centre that no model was trained on" in finding.remedy


def test_a_centre_column_may_betray_the_label_or_be_absent(draft, tmp_path: Path) -> None:
    cohort = draft()
    cohort.clini = [[*row, "Ward 1" if row[1] == "MSIH" else "Ward 2"] for row in cohort.clini]
    cohort.clini[0][-1] = "SITE"
    files = cohort.write(tmp_path / "c")
    (finding,) = examine([files], ["MSI"], centre_column="SITE").findings
    assert "the centre column SITE alone tells MSIH from the rest (AUROC 1.00" in finding.what
    (lacking,) = examine([files], ["MSI"], centre_column="site").findings
    assert lacking.remedy == "rename SITE to site"


def test_tables_alone_are_enough(draft, tmp_path: Path) -> None:
    files = draft().write(tmp_path / "c")
    for source in (CentreFiles(files.clini), CentreFiles(files.clini, files.slides)):
        examination = examine([source], ["MSI", "BRAF"])
        assert examination.findings == ()
        assert examination.centres[0].usable == 24
        assert examination.centres[0].files == 0


@pytest.mark.parametrize(
    ("content", "what", "remedy"),
    [
        (None, "does not exist", "name a CSV or XLSX table"),
        (b"PATIENT,MSI\nM\xfcller,MSIH\n", "is not UTF-8 text", "save it as 'CSV UTF-8'"),
        (b"PATIENT,MSI\np1,MSIH,x\n", "row 2 has 3 cells and the header has 2", "quote cells"),
        (b"", "row 1 is empty", "it must name the columns"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_finding(tmp_path: Path, content, what: str, remedy: str) -> None:
    path = tmp_path / "clini.csv"
    if content is not None:
        path.write_bytes(content)
    (finding,) = examine([CentreFiles(path)], ["MSI"]).findings
    assert (finding.severity, finding.kind) == ("error", "table unreadable")
    assert what in finding.what
    assert remedy in finding.remedy


def test_damaged_ids_and_samples_for_patients(draft, tmp_path: Path) -> None:
    cohort = draft()
    cohort.clini += [["1.2E+11", "MSIH", "WT"], ["TCGA-A6-2671-01", "MSIH", "WT"], ["TCGA-A6-2671-11", "MSIH", "WT"]]
    found = examine([CentreFiles(cohort.write(tmp_path / "c").clini)], ["MSI"]).findings
    assert [(f.kind, f.row) for f in found] == [("damaged id", 26), ("samples as patients", 28)]


def test_slides_of_several_kinds_are_told_by_their_barcodes(draft, tmp_path: Path) -> None:
    cohort = draft()
    for row, end in ((1, "01Z-00-DX1"), (2, "01A-01-TS1"), (3, "11A-01-BS1"), (4, "01Z-00-DX1")):
        patient = f"TCGA-A6-000{row}"
        cohort.clini[row][0] = cohort.slides[row][0] = patient
        cohort.slides[row][1] = f"{patient}-{end}"
    files = cohort.write(tmp_path / "c")
    found = examine([CentreFiles(files.clini, files.slides)], ["MSI"]).findings
    assert [(f.kind, f.row) for f in found] == [("mixed preparations", 3), ("normal tissue", 4)]


def test_a_measurement_is_no_target(draft, tmp_path: Path) -> None:
    cohort = draft()
    for index, row in enumerate(cohort.clini[1:]):
        row[1] = f"{index}.5"
    (finding,) = examine([cohort.write(tmp_path / "c")], ["MSI"]).findings
    assert finding.kind == "target unclear"
    assert "24 different labels" in finding.what
    assert "cut into two classes" in finding.remedy


def test_an_absent_folder_is_one_error_and_not_one_per_slide(draft, tmp_path: Path) -> None:
    files = draft().write(tmp_path / "c")
    (finding,) = examine([CentreFiles(files.clini, files.slides, tmp_path / "elsewhere")], ["MSI"]).findings
    assert (finding.severity, finding.kind, finding.file) == ("error", "no folder", tmp_path / "elsewhere")
