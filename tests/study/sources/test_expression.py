"""Matrices of genes by samples with a table of samples: who is chosen, who is left out, and that it is said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from pipelines.errors import ConfigError, InputError
from wsi_swarm.study.sources import left_out, load_source
from wsi_swarm.study.sources.twins import PERSON
from wsi_swarm.study.types import TableSource

if TYPE_CHECKING:
    from pathlib import Path

EXPRESSION = "gene,s1,s2,s3,s4,s5,s9\ng2,1,2,3,4,5,9\ng1,10,20,30,40,50,90\n"
META = (
    ",Study,Status,Person,Time\ns5,x,PTB,ann,End\ns4,x,PTB,ann,010 Day(s)\ns3,y,Control,bob,2\n"
    "s2,x,NA,,1\ns1,x,Control,,0\ns7,x,Control,,0\n"
)


def load(folder: Path, samples: str = META, **options: Any) -> TableSource:
    (folder / "e.csv").write_text(EXPRESSION)
    (folder / "m.csv").write_text(samples)
    told = {"expression": "e.csv", "meta": "m.csv", "target": "Status", **options}
    source = load_source("north", "expression", told, folder, folder / "work", 1)
    assert isinstance(source, TableSource)
    return source


def test_samples_with_a_label_and_all_columns_of_meta(tmp_path: Path) -> None:
    source = load(tmp_path)
    assert source.patients == ("s1", "s3", "s4", "s5")
    assert source.columns == ("g1", "g2")
    assert source.values.tolist() == [[10, 1], [30, 3], [40, 4], [50, 5]]
    assert source.clinical["Status"] == ("Control", "Control", "PTB", "PTB")
    assert list(source.clinical) == ["Study", "Status", "Person", "Time", PERSON]
    assert source.clinical[PERSON] == source.patients
    assert left_out(tmp_path / "work") == (
        "1 measured and not in the clinical table",
        "1 in the clinical table and not measured",
        "1 without Status",
    )


def test_where_chooses_samples_and_columns_choose_genes(tmp_path: Path) -> None:
    assert load(tmp_path, where={"Study": ["x"]}).patients == ("s1", "s4", "s5")
    assert load(tmp_path, where={"Study": "x", "Status": ["PTB"]}).patients == ("s4", "s5")
    assert load(tmp_path, columns=["g2"]).values.tolist() == [[1], [3], [4], [5]]
    (tmp_path / "genes.txt").write_text("g2\n")
    assert load(tmp_path, columns="genes.txt").columns == ("g2",)


@pytest.mark.parametrize(("order", "kept"), [(None, "s5"), ("Time", "s4")])
def test_of_each_person_the_first_sample_is_kept_and_the_unnamed_are_persons(
    tmp_path: Path, order: str | None, kept: str
) -> None:
    source = load(tmp_path, person="Person", **({"order": order} if order else {}))
    assert source.patients == ("s1", "s3", kept)
    assert "1 further samples of persons who have one already" in left_out(tmp_path / "work")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "TB"}, "has no column TB; its columns are Study, Status"),
        ({"person": "Name"}, "has no column Name"),
        ({"where": {"Study": ["z"]}}, "where Study = z finds no sample; the values there are x, y"),
        ({"where": {"Study": []}}, "finds no sample"),
        ({"where": {"Study": "y", "Status": "PTB"}}, "is left"),
        ({"columns": ["g3"]}, "lacks 1 of the 1 columns"),
        ({"columns": []}, "at least one gene"),
        ({"columns": ["g1", "g1"]}, "each only once"),
        ({"meta": "x.csv"}, "meta = 'x.csv' is no file"),
    ],
)
def test_what_is_not_there_is_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises((ConfigError, InputError)) as error:
        load(tmp_path, **options)
    assert said in str(error.value)


def test_a_sample_twice_in_meta_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"row 8.*s1 stands in an earlier row"):
        load(tmp_path, META + "s1,x,PTB,,0\n")


def test_a_measurement_under_a_second_name_counts_once(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(8, 1, (40, 25))
    values[:, 24] = values[:, 3] + rng.normal(0, 0.01, 40)
    names = [f"s{number:02d}" for number in range(25)]
    rows = [",".join([f"g{gene:02d}", *(f"{value:.4f}" for value in row)]) for gene, row in enumerate(values)]
    (tmp_path / "big.csv").write_text("\n".join([",".join(["gene", *names]), *rows]) + "\n")
    meta = "id,Study,Status\n" + "".join(f"{name},{int(name[1:]) // 20},yes\n" for name in names)
    source = load(tmp_path, meta, expression="big.csv")
    assert source.patients == tuple(names[:24])
    assert left_out(tmp_path / "work") == ("1 further samples of persons who have one already",)
    assert "s24" in load(tmp_path, meta, expression="big.csv", where={"Study": ["1"]}).patients


def test_two_samples_are_one_person_through_a_third(tmp_path: Path) -> None:
    """s24 is the measurement of s03 again, and s03 and s10 are ann's: of s10 and s24 only one is kept."""
    rng = np.random.default_rng(0)
    values = rng.normal(8, 1, (40, 25))
    values[:, 24] = values[:, 3]
    rows = [",".join([f"g{gene:02d}", *(f"{value:.4f}" for value in row)]) for gene, row in enumerate(values)]
    names = [f"s{number:02d}" for number in range(25)]
    (tmp_path / "big.csv").write_text("\n".join([",".join(["gene", *names]), *rows]) + "\n")
    person = {"s03": "ann", "s10": "ann"}
    status = {"s10": "yes", "s24": "yes", "s11": "yes"}
    meta = "id,Status,Person\n" + "".join(f"{name},{status.get(name, '')},{person.get(name, '')}\n" for name in names)
    assert load(tmp_path, meta, expression="big.csv", person="Person").patients == ("s10", "s11")
    assert load(tmp_path, meta, expression="big.csv").patients == ("s10", "s11", "s24")
