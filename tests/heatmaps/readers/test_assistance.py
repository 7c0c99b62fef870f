"""With and without AI: what a reader may know when, and what the import makes of it."""

from __future__ import annotations

import csv
import json
import re
import zipfile

import pytest

from heatmaps.readers.answers.answer_file import NotAsDownloaded
from heatmaps.readers.answers.import_answers import import_answers
from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.archive import manifest, zip_bytes
from heatmaps.readers.kit.key import read_key
from pipelines.errors import ConfigError
from tests.heatmaps.readers.answering import answers_with, stamp, write_answers
from tests.heatmaps.readers.template_studies import make_assistance

DAY = 86400.0


def told_by(kit):
    """What the page is told."""
    with zipfile.ZipFile(kit) as archive:
        page = archive.read("index.html").decode()
    return json.loads(re.search(r'<script type="application/json" id="told">(.*?)</script>', page)[1])["kit"]


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def values(key, one):
    """A likelihood of 30 alone; with the AI 70, and the decision follows."""
    assisted = one.reading == "with"
    return {"likelihood": 70 if assisted else 30, "confidence": 4 if assisted else 3, "decision": int(assisted)}


@pytest.fixture
def staged(tmp_path):
    return make_assistance(tmp_path / "study").build(tmp_path / "out")


@pytest.fixture
def crossed(tmp_path):
    return make_assistance(tmp_path / "study", crossover=True).build(tmp_path / "out")


@pytest.mark.parametrize("design", ["staged", "crossed"])
def test_the_page_has_the_ai_in_readings_with_it_only_and_never_the_truth(design, request):
    built = request.getfixturevalue(design)
    key, _ = read_key(built.key)
    told = told_by(built.kits[0])
    for one, showing in zip(key.showings["R1"], told["showings"], strict=True):
        item = key.item(one.item)
        assert ("ai" in showing) == ("ai" in showing["layers"]) == (one.reading == "with")
        if one.reading == "with":
            assert showing["ai"] == {
                "percent": round(100 * float(item.ai)),
                "text": f"{round(100 * float(item.ai))} %",
            }
        assert set(showing) <= {"id", "training", "feedback", "layers", "field_um", "shape", "session", "reading", "ai"}
    with zipfile.ZipFile(built.kits[0]) as archive:
        names = {name.removeprefix("items/").removesuffix(".jpg") for name in archive.namelist() if "items/" in name}
    assisted = {one.opaque for one in key.showings["R1"] if one.reading == "with"}
    assert {name.removesuffix("-ai") for name in names if name.endswith("-ai")} == assisted
    assert all(verify_kit(kit, built.key).leaks == [] for kit in built.kits)


def test_certainty_is_not_rounded_to_0_or_100(tmp_path):
    study = make_assistance(tmp_path / "study", 4)
    rows = study.rows()
    for row, ai in zip(rows, ("0.004", "0.9999", "0", "1", "0.5"), strict=True):
        row["ai"] = ai
    study.write_rows(rows)
    showings = told_by(study.build(tmp_path / "out").kits[0])["showings"]
    assert {one["ai"]["text"] for one in showings if "ai" in one} == {"< 1 %", "> 99 %", "0 %", "100 %", "50 %"}


@pytest.mark.parametrize("name", ["nonMSIH", "PAT-7003", "B2026-4002", "overlay-3"])
def test_a_planted_class_patient_or_source_is_found(staged, name):
    with zipfile.ZipFile(staged.kits[0]) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if path != "MANIFEST.sha256"}
    files["index.html"] = files["index.html"].replace(b"</body>", f"<!-- {name} -->\n</body>".encode())
    staged.kits[0].write_bytes(zip_bytes(files | {"MANIFEST.sha256": manifest(files)}))
    assert name in " | ".join(leak.sentence for leak in verify_kit(staged.kits[0], staged.key).leaks)


def test_a_planted_truth_is_found_though_it_is_but_a_digit(staged):
    with zipfile.ZipFile(staged.kits[0]) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if path != "MANIFEST.sha256"}
    planted = files["index.html"].replace(b'"training": false', b'"training": false, "t": 1', 1)
    assert planted != files["index.html"]
    files["index.html"] = planted
    staged.kits[0].write_bytes(zip_bytes(files | {"MANIFEST.sha256": manifest(files)}))
    found = [leak.sentence for leak in verify_kit(staged.kits[0], staged.key).leaks if leak.file == "index.html"]
    assert any("differs from what the key" in sentence for sentence in found)


def test_a_heatmap_smuggled_into_a_reading_without_the_ai_is_found(crossed):
    key, _ = read_key(crossed.key)
    alone = next(one for one in key.showings["R1"] if one.reading == "without")
    with zipfile.ZipFile(crossed.kits[0]) as archive:
        files = {path: archive.read(path) for path in archive.namelist() if path != "MANIFEST.sha256"}
    some = next(path for path in files if path.endswith("-ai.jpg"))
    smuggled = f"items/{alone.opaque}-ai.jpg"
    files[smuggled] = files[some]
    crossed.kits[0].write_bytes(zip_bytes(files | {"MANIFEST.sha256": manifest(files)}))
    leaks = verify_kit(crossed.kits[0], crossed.key).leaks
    assert [leak.sentence for leak in leaks if leak.file == smuggled] == ["does not belong into the kit"]


def test_both_stages_of_a_case_are_rows_with_truth_and_ai(staged, tmp_path):
    file = write_answers(tmp_path / "R1.json", answers_with(staged, "R1", values))
    imported = import_answers([file], staged.key, tmp_path / "t.csv")
    rows = table(tmp_path / "t.csv")
    key, _ = read_key(staged.key)
    assert len(rows) == 8 * 2 * 3
    assert imported.summary["readers"][0]["missing"] == []
    assert imported.summary["readers"][1]["missing"] == list(range(1, 9))
    for row in rows:
        item = key.item(row["item"])
        with_ai = row["reading"] == "with"
        wanted = {
            "likelihood": "70" if with_ai else "30",
            "confidence": "4" if with_ai else "3",
            "decision": str(int(with_ai)),
        }
        assert row["answer"] == wanted[row["question"]]
        assert (row["truth"], row["ai"], row["session"]) == (item.truth, item.ai, "1")
        assert row["deviation"] == ""
    places = {(row["item"], row["position"]) for row in rows}
    assert len(places) == 8  # both stages share their place
    assert {row["reading"] for row in rows} == {"before", "with"}


def test_a_first_answer_that_was_changed_is_no_file_of_a_kit(staged, tmp_path):
    key, _ = read_key(staged.key)
    first = next(one.opaque for one in key.showings["R1"] if one.reading == "before" and not one.training)

    def change(told):
        next(one for one in told["answers"] if one["item"] == first)["edits"] = 1

    file = write_answers(tmp_path / "R1.json", answers_with(staged, "R1", values), change)
    with pytest.raises(NotAsDownloaded, match=r"a first answer was changed, which the kit never allows"):
        import_answers([file], staged.key, tmp_path / "t.csv")


def test_of_two_first_answers_the_earliest_counts_and_both_are_marked(staged, tmp_path):
    """Somebody begins anew in another browser after having seen what the AI says."""
    key, _ = read_key(staged.key)
    first = next(one.opaque for one in key.showings["R1"] if one.reading == "before" and not one.training)

    def change(told):
        one = next(one for one in told["answers"] if one["item"] == first)
        one["values"] |= {"likelihood": 71}
        one |= {"shown": stamp(9000), "answered": stamp(9011)}
        told["saved"] = stamp(9999)

    files = [
        write_answers(tmp_path / "R1.json", answers_with(staged, "R1", values)),
        write_answers(tmp_path / "again.json", answers_with(staged, "R1", values), change),
    ]
    for order in (files, files[::-1]):
        summary = import_answers(order, staged.key, tmp_path / "t.csv").summary["readers"][0]
        assert summary["answered_twice"] == 1
        found = [row for row in table(tmp_path / "t.csv") if row["deviation"] == "answered twice"]
        assert {row["answer"] for row in found if row["question"] == "likelihood"} == {"30"}


@pytest.mark.parametrize(
    ("value", "question"),
    [(101, "likelihood"), (-1, "likelihood"), (2, "decision"), (6, "confidence"), ("50", "likelihood")],
)
def test_answers_out_of_range_are_refused(staged, tmp_path, value, question):
    def change(told):
        told["answers"][0]["values"][question] = value

    file = write_answers(tmp_path / "R1.json", answers_with(staged, "R1", values), change)
    with pytest.raises(NotAsDownloaded, match=rf"{value!r} is no answer to {question}"):
        import_answers([file], staged.key, tmp_path / "t.csv")


def marks(crossed, tmp_path, second_session_s, change=None):
    file = write_answers(tmp_path / "R1.json", answers_with(crossed, "R1", values, second_session_s), change)
    summary = import_answers([file], crossed.key, tmp_path / "t.csv").summary["readers"][0]
    return summary, table(tmp_path / "t.csv")


def test_two_sessions_far_enough_apart_are_two_readings_of_every_case(crossed, tmp_path):
    summary, rows = marks(crossed, tmp_path, 17 * DAY)
    assert (summary["washout"], summary["before_its_date"], summary["out_of_order"]) == (0, 0, 0)
    assert {row["deviation"] for row in rows} == {""}
    asked = {(row["item"], row["session"], row["reading"], row["question"]) for row in rows}
    assert len(asked) == len(rows) == 8 * 2 * 3
    assert len({(row["item"], row["reading"]) for row in rows}) == 16


def test_a_session_too_soon_after_the_first_or_before_its_day_is_marked(crossed, tmp_path):
    # The kit's days are 4 and 20 May, the washout is 14 days, and the first session is read on the 4th.
    summary, rows = marks(crossed, tmp_path, 10 * DAY)
    assert (summary["washout"], summary["before_its_date"]) == (8, 8)
    assert {row["deviation"] for row in rows if row["session"] == "2"} == {"before its date; washout"}
    assert {row["deviation"] for row in rows if row["session"] == "1"} == {""}
    summary, rows = marks(crossed, tmp_path, 15 * DAY)
    assert (summary["washout"], summary["before_its_date"]) == (0, 8)


def test_a_day_that_has_begun_in_the_readers_time_zone_is_no_deviation(crossed, tmp_path):
    def early(told):
        # Ten hours before the day begins in UTC: it has begun in Tokyo's evening, and in Kiritimati.
        for one in told["answers"]:
            if one["shown"] >= stamp(10 * DAY):
                one["shown"], one["answered"] = "2026-05-19T14:00:00.000Z", "2026-05-19T14:00:11.000Z"

    summary, _ = marks(crossed, tmp_path, 17 * DAY, early)
    assert summary["before_its_date"] == 0


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('design = "sequential"', 'design = "sequential"\nnot_before = ["2026-5-4"]', r"not_before"),
        (
            'design = "sequential"',
            'design = "sequential"\nnot_before = ["2026-05-04", "2026-06-01"]',
            r"more days than",
        ),
        (
            'repeats = 0.0\n[assistance]\ndesign = "sequential"',
            '[assistance]\ndesign = "crossover"',
            r"set design.repeats",
        ),
        ('template = "ai-assistance"', 'template = "tile-plausibility"', r"kind percent is none that the template"),
        (
            'id = "likelihood"',
            'id = "chance"',
            r"the question chance of kind percent is none .* percent \(id likelihood\)",
        ),
        ('[assistance]\ndesign = "sequential"\noutput', "[ignored]\noutput", r"invalid"),
    ],
)
def test_what_a_study_with_ai_cannot_say_is_refused(tmp_path, old, new, sentence):
    study = make_assistance(tmp_path / "study")
    study.change(old, new)
    with pytest.raises(ConfigError, match=sentence):
        study.build(tmp_path / "out")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"ai": "83"}, r"row 2: ai is '83'; write the AI's probability as a number from 0 to 1"),
        ({"truth": "yes"}, r"row 2: truth is 'yes'; write 1 where"),
        ({"ai_picture": ""}, r"item-0002 has a heatmap and item-0001 has none, which tells them apart"),
        ({"picture": ""}, r"row 2: give either a picture, or a slide"),
    ],
)
def test_what_a_case_cannot_be_is_refused(tmp_path, change, sentence):
    study = make_assistance(tmp_path / "study")
    rows = study.rows()
    rows[0] |= change
    study.write_rows(rows)
    with pytest.raises(ConfigError, match=sentence):
        study.build(tmp_path / "out")
