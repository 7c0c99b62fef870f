"""Any fault of the listed kinds in a clean cohort is found, once and in its place; a clean one gives no finding."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.cohorts.check import examine

if TYPE_CHECKING:
    from collections.abc import Callable

PAIRS = [("MSIH", "nonMSIH"), ("MSI-H", "MSS"), ("dMMR", "pMMR"), ("mutated", "wild type"), ("1", "0"), ("yes", "no")]
TARGETS = ["MSI", "BRAF"]


@dataclass(frozen=True)
class Spoilt:
    """What a mutation leads to: kinds of findings, and where the first of them stands (None: in no row of a table)."""

    kinds: set[str]
    file: str
    row: int | None
    severity: str


def repeat(draft, at) -> Spoilt:
    draft.clini.append(list(draft.clini[at]))
    return Spoilt({"patient repeated"}, "clini", len(draft.clini), "warning")


def contradict(draft, at) -> Spoilt:
    other = next(row[1] for row in draft.clini[1:] if row[1] != draft.clini[at][1])
    draft.clini.append([draft.clini[at][0], other, ""])
    return Spoilt({"contradicting labels", "label missing"}, "clini", len(draft.clini), "error")


def lose_id(draft, at) -> Spoilt:
    draft.clini.insert(at, ["", "nonMSIH", "WT"])
    return Spoilt({"empty cell"}, "clini", at + 1, "error")


def lose_file_name(draft, at) -> Spoilt:
    draft.slides.insert(at, [draft.slides[at][0], ""])
    return Spoilt({"empty cell"}, "slides", at + 1, "error")


def lose_label(draft, at) -> Spoilt:
    draft.clini[at][1] = "NA"
    return Spoilt({"label missing"}, "clini", at + 1, "note")


def respell(draft, at) -> Spoilt:
    draft.clini[at][1] = draft.clini[at][1].swapcase()
    return Spoilt({"label spelling"}, "clini", at + 1, "note")


def synonym(draft, at) -> Spoilt:
    draft.clini[at][1] = "MSI high" if draft.clini[at][1] == "MSIH" else "MSS"
    return Spoilt({"same meaning"}, "clini", at + 1, "error")


def mistype(draft, at) -> Spoilt:
    draft.clini[at][1] += draft.clini[at][1][-1]
    return Spoilt({"label mistyped"}, "clini", at + 1, "error")


def undecided(draft, at) -> Spoilt:
    draft.clini[at][1] = "not tested"
    return Spoilt({"no label"}, "clini", at + 1, "error")


def formula_error(draft, at) -> Spoilt:
    draft.clini[at][1] = "#REF!"
    return Spoilt({"broken text"}, "clini", at + 1, "error")


def lose_slides(draft, at) -> Spoilt:
    patient = draft.clini[at][0]
    draft.slides = [row for row in draft.slides if row[0] != patient]
    draft.files = {name: how for name, how in draft.files.items() if not name.startswith(patient)}
    return Spoilt({"patient without slides"}, "clini", at + 1, "warning")


def lose_patient(draft, at) -> Spoilt:
    row = next(i for i, cells in enumerate(draft.slides) if cells[0] == draft.clini[at][0])
    del draft.clini[at]
    return Spoilt({"slides without patient"}, "slides", row + 1, "warning")


def respell_id(draft, at) -> Spoilt:
    draft.clini[at][0] = draft.clini[at][0].replace("-", "_").lower()
    row = next(i for i, cells in enumerate(draft.slides) if cells[0].lower().replace("-", "_") == draft.clini[at][0])
    return Spoilt({"id spelt twice"}, "slides", row + 1, "warning")


def hide_character(draft, at) -> Spoilt:
    draft.clini[at][0] = "\u200b" + draft.clini[at][0]
    return Spoilt({"broken text"}, "clini", at + 1, "warning")


def mojibake(draft, at) -> Spoilt:
    draft.slides[at][1] = draft.slides[at][1].replace(".svs", "-k\u00c3\u00b6ln.svs")
    draft.files = {Path(name).stem: {} for name in draft.names}
    return Spoilt({"broken text"}, "slides", at + 1, "warning")


def white_space(draft, at) -> Spoilt:
    draft.clini[at][0] += " "
    return Spoilt({"white space"}, "clini", at + 1, "note")


def repeat_slide(draft, at) -> Spoilt:
    draft.slides.append(list(draft.slides[at]))
    return Spoilt({"slide repeated"}, "slides", len(draft.slides), "warning")


def slide_of_two(draft, at) -> Spoilt:
    other = next(row[0] for row in draft.slides[1:] if row[0] != draft.slides[at][0])
    draft.slides.append([other, draft.slides[at][1]])
    return Spoilt({"slide of two patients"}, "slides", len(draft.slides), "error")


def swapped_patient(draft, at) -> Spoilt:
    other = next(row[0] for row in draft.slides[1:] if row[0] != draft.slides[at][0])
    draft.slides.append([other, f"{draft.slides[at][0]}-z.svs"])
    draft.files[f"{draft.slides[at][0]}-z"] = {}
    return Spoilt({"slide named after another"}, "slides", len(draft.slides), "warning")


def lose_features(draft, at) -> Spoilt:
    del draft.files[Path(draft.slides[at][1]).stem]
    return Spoilt({"features missing"}, "slides", at + 1, "warning")


def rename_features(draft, at) -> Spoilt:
    name = Path(draft.slides[at][1]).stem
    draft.files[name.lower().replace("-", "_")] = draft.files.pop(name)
    return Spoilt({"features missing"}, "slides", at + 1, "warning")


def in_file(kind: str, severity: str, row: bool = True, **how) -> Callable[..., Spoilt]:
    def mutate(draft, at) -> Spoilt:
        draft.files[Path(draft.slides[at][1]).stem] = how
        return Spoilt({kind}, "slides" if row else "features", at + 1 if row else None, severity)

    return mutate


def spare_features(draft, at) -> Spoilt:
    draft.files["somebody-else"] = {}
    return Spoilt({"features of no slide"}, "features", None, "note")


def column(name: str, cell: str) -> Callable[..., Spoilt]:
    def mutate(draft, at) -> Spoilt:
        draft.clini = [[*row, cell.format(index)] for index, row in enumerate(draft.clini)]
        draft.clini[0][-1] = name
        return Spoilt({"privacy"}, "clini", None, "warning")

    return mutate


def rename_column(draft, at) -> Spoilt:
    draft.clini[0][0] = "Patient_ID"
    return Spoilt({"column lacking"}, "clini", 1, "error")


def double_column(draft, at) -> Spoilt:
    draft.clini = [[*row, row[1]] for row in draft.clini]
    return Spoilt({"column lacking"}, "clini", 1, "error")


def one_class(draft, at) -> Spoilt:
    for row in draft.clini[1:]:
        row[1] = "MSIH"
    return Spoilt({"target unclear"}, "clini", None, "error")


def small_class(draft, at) -> Spoilt:
    for row in [row for row in draft.clini[1:] if row[1] == "MSIH"][:4]:
        row[1] = "nonMSIH"
    return Spoilt({"class small"}, "clini", None, "warning")


def many_tiles(draft, at) -> Spoilt:
    positive = {row[0] for row in draft.clini[1:] if row[1] == "MSIH"}
    draft.files = {name: {"tiles": 9} if name[:4] in positive else {} for name in draft.files}
    return Spoilt({"shortcut"}, "clini", None, "warning")


def other_scanner(draft, at) -> Spoilt:
    positive = {row[0] for row in draft.clini[1:] if row[1] == "MSIH"}
    draft.files = {name: {"reader": "dicom"} if name[:4] in positive else {"reader": "svs"} for name in draft.files}
    return Spoilt({"shortcut"}, "clini", None, "warning")


MUTATIONS = {
    **{f.__name__: f for f in (repeat, contradict, lose_id, lose_file_name, lose_label, respell, synonym, mistype)},
    **{f.__name__: f for f in (undecided, formula_error, lose_slides, lose_patient, respell_id, hide_character)},
    **{f.__name__: f for f in (mojibake, white_space, repeat_slide, slide_of_two, swapped_patient, lose_features)},
    **{f.__name__: f for f in (rename_features, spare_features, rename_column, double_column, one_class, small_class)},
    **{f.__name__: f for f in (many_tiles, other_scanner)},
    "cut": in_file("features unreadable", "error", cut=True),
    "no tiles": in_file("features without tiles", "warning", tiles=0),
    "not finite": in_file("features not finite", "error", fill=float("nan")),
    "other encoder": in_file("mixed features", "error", row=False, encoder="other"),
    "other weights": in_file("mixed features", "error", row=False, weights_sha256="cd" * 32),
    "other mpp": in_file("mixed features", "error", row=False, requested_mpp=1.0),
    "other tile size": in_file("mixed features", "error", row=False, tile_px=256),
    "birthday": column("X1", "19{:02}-03-17"),
    "name": column("Surname", "Nobody"),
    "record": column("MRN", "1"),
    "free text": column("remark", "seen by nurse {} twice"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTATIONS)
@settings(max_examples=2, deadline=None, derandomize=True)
@given(at=st.integers(1, 24), xlsx=st.booleans())
def test_a_fault_is_found_once_and_in_its_place(draft, name: str, at: int, xlsx: bool) -> None:
    spoilt = draft()
    expected = MUTATIONS[name](spoilt, at)
    with tempfile.TemporaryDirectory() as folder:
        examination = examine([spoilt.write(Path(folder) / "c", xlsx)], TARGETS)
    assert {finding.kind for finding in examination.findings} == expected.kinds, examination.findings
    first = examination.findings[0]
    assert (first.severity, first.row) == (expected.severity, expected.row)
    assert first.file.stem == expected.file or (expected.row is None and expected.file in str(first.file))
    wordy = [f.sentence for f in examination.findings]
    assert all(finding.what and finding.remedy for finding in examination.findings), wordy


@settings(max_examples=6, deadline=None, derandomize=True)
@given(pair=st.sampled_from(PAIRS), slides=st.integers(1, 3), xlsx=st.booleans(), order=st.randoms())
def test_a_clean_cohort_gives_no_finding(draft, pair, slides: int, xlsx: bool, order) -> None:
    cohort = draft(labels=pair, slides=slides)
    for table in ("clini", "slides"):
        header, *rows = getattr(cohort, table)
        order.shuffle(rows)
        setattr(cohort, table, [header, *rows])
    with tempfile.TemporaryDirectory() as folder:
        examination = examine([cohort.write(Path(folder) / "c", xlsx)], TARGETS)
    assert examination.findings == ()
    assert examination.centres[0].usable == 24
    assert examination.centres[0].labels["MSI"] == dict.fromkeys(pair, 12)


@pytest.mark.parametrize("pair", [("MSIH", "nonMSIH"), ("MSI-H", "MSS")])
def test_a_slip_hides_the_positive_where_it_is_named(draft, tmp_path, pair) -> None:
    cohort = draft(labels=pair)
    cohort.clini[1][1] = "MSI-high"
    examination = examine([cohort.write(tmp_path / "c")], ["MSI"], {"MSI": pair[0]})
    (finding,) = examination.findings
    assert (finding.severity, finding.kind, finding.row) == ("error", "same meaning", 2)
    assert "write" in finding.remedy
    assert pair[0] in finding.remedy
