"""Files of answers to the tidy table: what is checked, what is marked, what is refused."""

from __future__ import annotations

import csv

import pytest

from heatmaps.readers.answers.answer_file import NotAsDownloaded
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.kit.key import read_key
from pipelines.errors import InputError
from tests.heatmaps.readers.answering import answers_of, stamp, write_answers


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def both(built, tmp_path):
    """The files of both readers."""
    return [write_answers(tmp_path / f"{reader}.json", answers_of(built, reader)) for reader in ("R1", "R2")]


def test_the_table_has_one_row_per_reader_item_and_question_with_the_key_joined(built, both, tmp_path):
    imported = import_answers(both, built.key, tmp_path / "table.csv")
    rows = table(tmp_path / "table.csv")
    key, _ = read_key(built.key)
    assert len(rows) == 2 * 12 * 4  # readers, 10 items and 2 repeats, 3 features and the scale
    assert len({(row["reader"], row["item"], row["question"]) for row in rows}) == len(rows)
    items = {item.item: item for item in key.items}
    for row in rows:
        item = items[row["repeat_of"] or row["item"]]
        assert (row["group"], row["patient"], row["kind"]) == (item.group, item.patient, item.kind)
        top = item.group == "model-top"
        wanted = {"features.mucin": top, "features.til": False, "features.none": not top}
        assert row["answer"] == ("42"[not top] if row["question"] == "supports" else str(int(wanted[row["question"]])))
        assert (row["seconds"], row["deviation"]) == ("10.5", "")
    again = [row for row in rows if row["repeat_of"]]
    assert len(again) == 2 * 2 * 4
    assert all(row["item"] == f"{row['repeat_of']}-again" for row in again)
    assert imported.summary["complete"]
    assert [one["answered"] for one in imported.summary["readers"]] == [12, 12]


def test_gaps_and_absent_readers_are_told(built, tmp_path):
    told = answers_of(built, "R1")
    del told["answers"][5:7]
    del told["answers"][0]  # a training case
    summary = import_answers([write_answers(tmp_path / "a.json", told)], built.key, tmp_path / "t.csv").summary
    one, other = summary["readers"]
    assert not summary["complete"]
    assert (one["answered"], one["missing"], one["missing_training"]) == (10, [5, 6], 1)
    assert (other["files"], other["answered"], len(other["missing"])) == (0, 0, 12)
    assert len(table(tmp_path / "t.csv")) == 10 * 4


def test_too_fast_and_out_of_order_are_marked_but_kept(built, tmp_path):
    told = answers_of(built, "R1")
    told["answers"][3]["seconds"] = 0.4
    told["answers"][6]["shown"] = stamp(1)
    summary = import_answers([write_answers(tmp_path / "a.json", told)], built.key, tmp_path / "t.csv").summary
    rows = table(tmp_path / "t.csv")
    assert {row["position"] for row in rows if row["deviation"] == "too fast"} == {"3"}
    assert {row["position"] for row in rows if row["deviation"] == "out of order"} == {"6"}
    assert (summary["readers"][0]["too_fast"], summary["readers"][0]["out_of_order"]) == (1, 1)
    assert len(rows) == 12 * 4


def test_a_pause_with_a_download_counts_once_and_the_later_answer_wins(built, tmp_path):
    early, late = answers_of(built, "R1"), answers_of(built, "R1")
    early |= {"saved": stamp(100), "answers": early["answers"][:6]}
    late["answers"][2] |= {"values": {"features": ["til"], "supports": 5}, "answered": stamp(900), "edits": 1}
    files = [write_answers(tmp_path / "late.json", late), write_answers(tmp_path / "early.json", early)]
    summary = import_answers(files, built.key, tmp_path / "t.csv").summary
    rows = [row for row in table(tmp_path / "t.csv") if row["position"] == "2"]
    assert {row["question"]: row["answer"] for row in rows}["supports"] == "5"
    one = summary["readers"][0]
    assert (one["files"], one["answered"], one["changed_later"], one["answered_twice"]) == (2, 12, 1, 0)


def test_the_same_picture_answered_by_two_people_is_marked(built, tmp_path):
    one, other = answers_of(built, "R1"), answers_of(built, "R1")
    other["answers"][4] |= {"values": {"features": ["til"], "supports": "cannot_judge"}, "answered": stamp(2000)}
    files = [write_answers(tmp_path / "a.json", one), write_answers(tmp_path / "b.json", other)]
    summary = import_answers([*files, files[0]], built.key, tmp_path / "t.csv").summary
    marked = [row for row in table(tmp_path / "t.csv") if row["deviation"] == "answered twice"]
    assert {row["position"] for row in marked} == {"4"}
    assert {row["question"]: row["answer"] for row in marked}["supports"] == "cannot_judge"
    told = summary["readers"][0]
    assert (told["files"], told["files_twice"], told["answered_twice"]) == (3, 1, 1)


def test_a_file_that_was_changed_on_its_way_is_refused_and_nothing_is_written(built, both, tmp_path):
    text = both[0].read_text("utf-8")
    both[0].write_text(text.replace('"supports": 4', '"supports": 5', 1), "utf-8")
    with pytest.raises(NotAsDownloaded, match=r"R1.json was changed after it was downloaded; ask reader R1"):
        import_answers(both, built.key, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


def test_line_ends_that_a_mail_program_changed_do_no_harm(built, both, tmp_path):
    both[0].write_bytes(b"\xef\xbb\xbf" + both[0].read_bytes().replace(b"\n", b"\r\n"))
    assert import_answers(both, built.key, tmp_path / "t.csv").summary["complete"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda told: told.update(key_sha256="a" * 64), r"belongs to another key"),
        (lambda told: told.update(kit_sha256="b" * 64), r"another kit than the one that was made for reader R1"),
        (lambda told: told.update(reader="R9"), r"reader R9, who has no kit"),
        (lambda told: told.update(reader="R2"), r"another kit than the one that was made for reader R2"),
        (lambda told: told.update(protocol="2"), r"protocol 2"),
        (lambda told: told["answers"].append(told["answers"][0]), r"answers picture [0-9a-f]{12} twice"),
        (lambda told: told["answers"][0].update(item="0" * 12), r"picture 000000000000, which is not in the kit"),
        (lambda told: told["answers"][0]["values"].update(supports=6), r"6 is no answer to supports"),
        (lambda told: told["answers"][0]["values"].update(supports="4"), r"'4' is no answer to supports"),
        (lambda told: told["answers"][0]["values"].update(features=["none", "til"]), r"is no answer to features"),
        (lambda told: told["answers"][0]["values"].update(features=[]), r"\[\] is no answer to features"),
        (lambda told: told["answers"][0]["values"].update(features=["mucus"]), r"'mucus'\] is no answer"),
        (lambda told: told["answers"][0]["values"].pop("supports"), r"answers other questions than the study asks"),
        (lambda told: told["answers"][0].update(seconds=-1), r"answers.0.seconds: Input should be greater"),
        (lambda told: told["answers"][0].update(shown="today"), r"answers.0.shown"),
        (lambda told: told.update(extra=1), r"extra: Extra inputs"),
    ],
)
def test_what_no_kit_of_this_key_writes_is_refused(built, tmp_path, change, sentence):
    file = write_answers(tmp_path / "a.json", answers_of(built, "R1"), change)
    with pytest.raises(NotAsDownloaded, match=sentence):
        import_answers([file], built.key, tmp_path / "t.csv")
    assert not (tmp_path / "t.csv").exists()


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff\xfe", b"{" * 5000, b'{"schema": 1}'])
def test_what_is_no_file_of_answers_is_refused(built, tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(NotAsDownloaded, match=r"a.json is no file of answers"):
        import_answers([tmp_path / "a.json"], built.key, tmp_path / "t.csv")


def test_a_missing_file_and_a_key_without_its_list_are_named(built, both, tmp_path):
    with pytest.raises(InputError, match=r"no.json cannot be read"):
        import_answers([tmp_path / "no.json"], built.key, tmp_path / "t.csv")
    alone = tmp_path / "alone" / "key.json"
    alone.parent.mkdir()
    alone.write_bytes(built.key.read_bytes())
    with pytest.raises(InputError, match=r"kits.json cannot be read"):
        import_answers(both, alone, tmp_path / "t.csv")
    (alone.parent / "kits.json").write_bytes(built.kit_list.read_bytes())
    alone.write_bytes(built.key.read_bytes() + b"\n")
    with pytest.raises(InputError, match=r"kits.json belongs to another key"):
        import_answers(both, alone, tmp_path / "t.csv")
