from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.bags import label_matrix, load_bag
from models.cohort import Centre, load_cohort, load_merged_cohort, load_unlabelled_cohort
from models.feature_kind import find_feature_file
from models.targets import is_missing, parse_positive, resolve_target, spelling
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

CLINI = "PATIENT,MSI,BRAF\np1,MSIH,MUT\np2,nonMSIH,WT\np3,nonMSIH,\n"
SLIDES = "PATIENT,FILENAME\np1,a.svs\np1,b.h5\np2,c\np3,d.tiff\n"


def load(tables, targets=("MSI",), **positive: str):
    return load_cohort(tables.clini, tables.slides, tables.features, targets, positive)


@pytest.fixture
def whole(tables):
    """A faultless centre: three patients, four slides."""
    for name in "abcd":
        tables.slide(name)
    return tables.write(CLINI, SLIDES)


def test_two_tables_and_features_make_a_cohort(whole) -> None:
    cohort = load(whole, ("MSI", "BRAF"))
    assert [patient.id for patient in cohort.patients] == ["p1", "p2", "p3"]
    assert [path.name for path in cohort.patients[0].slides] == ["a.h5", "b.h5"]
    assert cohort.patients[0].labels == {"MSI": 1, "BRAF": 1}
    assert cohort.patients[2].labels == {"MSI": 0}
    assert cohort.counts("BRAF") == (1, 1, 1)
    assert cohort.dropped == ()
    assert (cohort.kind.encoder, cohort.kind.dim) == ("toy", 16)
    assert [target.column for target in cohort.targets] == ["MSI_MSIH", "BRAF_MUT"]
    matrix = label_matrix(cohort.patients, ["MSI", "BRAF"])
    assert np.array_equal(matrix, [[1, 1], [0, 0], [0, np.nan]], equal_nan=True)


def test_xlsx_semicolons_and_white_space_say_the_same(whole) -> None:
    import pandas as pd

    expected = load(whole, ("MSI", "BRAF"))
    whole.write(CLINI.replace(",", " ; "), "\ufeff" + SLIDES.replace(",", ";").replace("\n", "\r\n"))
    assert load(whole, ("MSI", "BRAF")) == expected
    xlsx = whole.folder / "clini.xlsx"
    frame = pd.DataFrame({"PATIENT": ["p1", "p2", "p3"], "MSI": [1, 0, 0], "BRAF": [" MUT", "WT ", None]})
    frame.to_excel(xlsx, index=False)
    cohort = load_cohort(xlsx, whole.slides, whole.features, ["MSI", "BRAF"])
    assert [p.labels for p in cohort.patients] == [p.labels for p in expected.patients]
    assert cohort.targets[0].positive == "1"


def test_patients_that_cannot_be_used_are_dropped_with_the_reason(whole) -> None:
    whole.write(
        CLINI + "p4,MSIH,WT\np5,NA,unknown\np6,MSIH,WT\n",
        SLIDES + "p5,e\np6,missing.svs\np7,f\n",
    )
    whole.slide("e")
    whole.slide("f")
    cohort = load(whole, ("MSI", "BRAF"))
    assert [patient.id for patient in cohort.patients] == ["p1", "p2", "p3"]
    assert len(cohort.dropped) == 5
    text = "\n".join(cohort.dropped)
    assert "slide missing.svs (slides.csv row 7): no " in text
    assert "patient p4: has no row in the slide table" in text
    assert "patient p5: no label for MSI or BRAF" in text
    assert "patient p6: none of the slides has features" in text
    assert "patient p7: is in the slide table and not in the clinical table" in text


def test_a_slide_without_tiles_is_left_out(whole) -> None:
    whole.slide("a", np.zeros((0, 16)))
    cohort = load(whole)
    assert [path.name for path in cohort.patients[0].slides] == ["b.h5"]
    assert "a.h5 has no tiles" in cohort.dropped[0]


@pytest.mark.parametrize(
    ("clini", "slides", "message"),
    [
        ("PATIENT,MSS\np1,MSIH\n", SLIDES, r"clini\.csv row 1: .* no column MSI; its columns are PATIENT, MSS"),
        ("ID,MSI\np1,MSIH\n", SLIDES, r"clini\.csv row 1: the table has no column PATIENT"),
        ("PATIENT,MSI,MSI\np1,MSIH,MSIH\n", SLIDES, r"clini\.csv row 1: the table has 2 columns named MSI"),
        (CLINI, "PATIENT,SLIDE\np1,a\n", r"slides\.csv row 1: the table has no column FILENAME"),
        (CLINI + "\np1,nonMSIH,\n", SLIDES, r"clini\.csv row 6, column MSI: .* 'nonMSIH' here and 'MSIH' in row 2"),
        (CLINI + ",MSIH,\n", SLIDES, r"clini\.csv row 5, column PATIENT: the patient's id is empty"),
        (CLINI, SLIDES + "p2,a.svs\n", r"slides\.csv row 6, column FILENAME: slide a\.svs .* p1 in row 2"),
        (CLINI, SLIDES + "p2,\n", r"slides\.csv row 6, column FILENAME: the cell is empty"),
        (CLINI + "p4,MSIH,WT,x\n", SLIDES, r"clini\.csv row 5 has 4 cells and the header has 3"),
        (CLINI, "\n", r"slides\.csv row 1 is empty"),
        ("PATIENT,MSI\np1,MSIH\np2,MSIH\n", SLIDES, r"every labelled patient is 'MSIH' in column MSI"),
        ("PATIENT,MSI\np1,MSI-H\np2,MSS\np3,MSI-L\n", SLIDES, r"'MSI-L', 'MSS'\); name it with --positive MSI="),
        ("PATIENT,MSI\np1,a\np2,b\n", SLIDES, r"labels found \('a', 'b'\)"),
        ("PATIENT,MSI\np9,MSIH\np2,MSS\n", SLIDES, r"no patient with features is MSIH in column MSI"),
    ],
)  # fmt: skip
def test_a_fault_in_a_table_is_named_with_its_place(whole, clini: str, slides: str, message: str) -> None:
    whole.write(clini, slides)
    with pytest.raises(ConfigError, match=message) as caught:
        load(whole)
    assert caught.value.exit_code == 3


def test_the_same_patient_twice_without_conflict_is_one_patient(whole) -> None:
    whole.write(CLINI + "p3,non-MSIH,WT\n", SLIDES)
    cohort = load(whole, ("MSI", "BRAF"))
    assert cohort.patients[2].labels == {"MSI": 0, "BRAF": 0}


def test_features_of_two_encoders_are_refused(whole) -> None:
    whole.slide("c", encoder="other")
    with pytest.raises(ConfigError, match=r"c\.h5: it holds features of other .* and .*a\.h5 of toy"):
        load(whole)
    whole.slide("c", requested_mpp=1.0)
    with pytest.raises(ConfigError, match=r"224 µm at 1 µm/px"):
        load(whole)


def test_a_broken_feature_file_is_named(whole) -> None:
    path = whole.features / "c.h5"
    path.write_bytes(path.read_bytes()[:600])
    with pytest.raises(InputError, match=r"c\.h5 is not a whole feature file"):
        load(whole)


def test_a_chosen_positive_makes_every_other_label_negative(whole) -> None:
    whole.write("PATIENT,MSI\np1,MSI-H\np2,MSS\np3,MSI-L\n", SLIDES)
    cohort = load(whole, MSI="MSIH")
    assert cohort.targets[0].negative == ("MSI-L", "MSS")
    assert cohort.targets[0].positive == "MSIH"
    assert [patient.labels["MSI"] for patient in cohort.patients] == [1, 0, 0]
    with pytest.raises(ConfigError, match=r"no patient has 'dMMR' in column MSI; labels found: 'MSI-H'"):
        load(whole, MSI="dMMR")
    with pytest.raises(ConfigError, match="--positive names BRAF, which is no --target"):
        load(whole, BRAF="MUT")


def test_centres_merge_and_share_no_patient(planted_centre: Callable) -> None:
    centres = [planted_centre("A", 6, 1), planted_centre("B", 8, 2)]
    triples = [Centre(c.clini, c.slides, c.features) for c in centres]
    cohort = load_merged_cohort(triples, ["MSI", "BRAF"])
    assert len(cohort.patients) == 14
    both = load_merged_cohort(triples[::-1], ["MSI", "BRAF"])
    assert both.patients == cohort.patients
    with pytest.raises(ConfigError, match="patient A-P000 stands in two centres"):
        load_merged_cohort([triples[0], triples[0]], ["MSI"])


def test_one_class_at_one_centre_is_no_fault_of_a_merged_cohort(tables, planted_centre: Callable) -> None:
    tables.slide("x")
    tables.write("PATIENT,MSI\nx,nonMSIH\n", "PATIENT,FILENAME\nx,x\n")
    other = planted_centre("B", 6, 2)
    merged = load_merged_cohort([Centre(t.clini, t.slides, t.features) for t in (tables, other)], ["MSI"])
    assert len(merged.patients) == 7
    with pytest.raises(ConfigError, match=r"which label of column MSI is positive can't be told"):
        load(tables)


def test_a_slide_table_alone_is_enough_to_predict(whole) -> None:
    cohort = load_unlabelled_cohort(whole.slides, whole.features)
    assert [(patient.id, len(patient.slides)) for patient in cohort.patients] == [("p1", 2), ("p2", 1), ("p3", 1)]
    with pytest.raises(ConfigError, match="no slide has a feature file"):
        load_unlabelled_cohort(whole.slides, whole.folder / "elsewhere")
    with pytest.raises(InputError, match=r"absent\.csv does not exist"):
        load_unlabelled_cohort(whole.folder / "absent.csv", whole.features)


@pytest.mark.parametrize(
    ("filename", "stem"),
    [
        ("s.h5", "s"),
        ("s", "s"),
        ("s.SVS", "s"),
        ("site/s.ndpi", "s"),
        ("site\\s.mrxs", "s"),
        ("TCGA-A6-2671-01Z-00-DX1.13301f80", "TCGA-A6-2671-01Z-00-DX1.13301f80"),
        ("TCGA-A6-2671-01Z-00-DX1.13301f80.svs", "TCGA-A6-2671-01Z-00-DX1.13301f80"),
    ],
)
def test_file_names_of_the_table_find_their_features(tmp_path, filename: str, stem: str) -> None:
    assert find_feature_file(tmp_path, filename) == (tmp_path / f"{stem}.h5", False)


def test_a_bag_holds_all_slides_of_a_patient(tables) -> None:
    tables.slide("a", np.full((2, 16), 1.0))
    tables.slide("b", np.full((3, 16), 2.0))
    tables.write("PATIENT,MSI\np,MSIH\n", "PATIENT,FILENAME\np,b\np,a\n")
    bag = load_bag(load_unlabelled_cohort(tables.slides, tables.features).patients[0])
    assert bag.tiles.shape == (5, 16)
    assert bag.tiles[:, 0].tolist() == [1, 1, 2, 2, 2]


@pytest.mark.parametrize(
    "pair", [("MSI-H", "MSS"), ("dMMR", "pMMR"), ("MUT", "WT"), ("DRIVER", "NODRIVER"), ("1", "0")]
)
def test_well_known_spellings_are_told_apart(pair: tuple[str, str]) -> None:
    target = resolve_target("T", ["", pair[1], "NA", pair[0]], None, "t.csv")
    assert (target.positive, target.negative) == (pair[0], (pair[1],))
    assert [target.label(text) for text in ("", pair[1], "n/a", pair[0])] == [None, 0, None, 1]


def test_spelling_forgives_form_and_not_meaning() -> None:
    assert spelling("MSI-H") == spelling("msi h") == spelling("MSI_H") == "msih"
    assert spelling("1.0") != spelling("10")
    assert all(is_missing(text) for text in ("", " ", "NaN", "[Not Available]", "N/A", "Unknown"))
    assert not any(is_missing(text) for text in ("0", "no", "negative", "WT"))


def test_positive_options_are_read_strictly() -> None:
    assert parse_positive(["MSI=MSI-H", "BRAF = MUT"]) == {"MSI": "MSI-H", "BRAF": "MUT"}
    for wrong in (["MSI"], ["=x"], ["MSI="], ["MSI=a", "MSI=b"]):
        with pytest.raises(ConfigError):
            parse_positive(wrong)
