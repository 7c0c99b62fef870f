"""Files of answers and the key to one tidy table and a summary."""

from __future__ import annotations

import csv
import io
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from heatmaps.readers.answers.answer_file import Answer, AnswerFile, read_answers
from heatmaps.readers.answers.checks import CONFLICT, OUT_OF_ORDER, TOO_FAST, deviations, refuse_foreign
from heatmaps.readers.answers.rows import COLUMNS, positions, rows
from heatmaps.readers.answers.sessions import EARLY, WASHOUT, session_deviations
from heatmaps.readers.kit.key import Showing, read_key, read_made_kits
from pipelines.files import write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Imported:
    """The rows of the table, and what is to be told of each reader."""

    rows: list[dict[str, str]]
    summary: dict[str, Any]


def import_answers(paths: Sequence[Path], key_path: Path, out: Path) -> Imported:
    """Check files of answers, join them with the key, and write the table.

    Several files of one reader are one: each picture's latest answer counts.

    Raises
    ------
    NotAsDownloaded
        A file was changed, is of another study, or holds what no kit can write; nothing is written then.
    InputError
        A file is missing or unreadable.
    """
    key, key_sha256 = read_key(key_path)
    made = read_made_kits(key_path, key_sha256)
    by_reader: dict[str, list[AnswerFile]] = {}
    for path in paths:
        file = read_answers(path)
        refuse_foreign(path, file, key, key_sha256, made)
        by_reader.setdefault(file.reader, []).append(file)
    table: list[dict[str, str]] = []
    told = []
    for reader, showings in key.showings.items():
        files = by_reader.get(reader, [])
        answers, conflicts = _merged(files, {one.opaque for one in showings if one.reading == "before"})
        against = deviations(showings, answers, key.study.design.min_seconds)
        for opaque in conflicts:
            against.setdefault(opaque, []).append(CONFLICT)
        if key.study.assistance:
            for opaque, faults in session_deviations(showings, answers, key.study.assistance).items():
                against.setdefault(opaque, []).extend(faults)
        table += rows(key, reader, showings, answers, against)
        told.append(_told(reader, showings, files, answers, against))
    summary = {
        "schema": "wsi-swarm-reader-import/1",
        "study": key.study.name,
        "protocol": key.study.protocol,
        "key_sha256": key_sha256,
        "table": str(out),
        "rows": len(table),
        "complete": all(not one["missing"] and not one["missing_training"] for one in told),
        "readers": told,
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    write_text(out, text.getvalue())
    return Imported(table, summary)


def _merged(files: Sequence[AnswerFile], locked: set[str]) -> tuple[dict[str, Answer], list[str]]:
    """Return each picture's latest answer, and the pictures that were answered twice independently of each other.

    Of ``locked`` pictures the earliest answer counts: a later one may have been given with the AI's output in mind.
    """
    merged: dict[str, Answer] = {}
    conflicts: list[str] = []
    for file in sorted(files, key=lambda file: file.saved):
        for answer in file.answers:
            before = merged.get(answer.item)
            # The page counts edits: another answer without one more edit was given by somebody who had not the first.
            if before is not None and before.values != answer.values and answer.edits <= before.edits:
                conflicts.append(answer.item)
            later = before is not None and before.answered <= answer.answered
            if before is None or later != (answer.item in locked):
                merged[answer.item] = answer
    return merged, sorted(set(conflicts))


def _told(
    reader: str,
    showings: Sequence[Showing],
    files: Sequence[AnswerFile],
    answers: dict[str, Answer],
    against: dict[str, list[str]],
) -> dict[str, Any]:
    judged = [one for one in showings if not one.training]
    given = [answers[one.opaque] for one in judged if one.opaque in answers]
    faults = [fault for one in judged for fault in against.get(one.opaque, [])]
    unique = {file.sha256 for file in files}
    places = positions(showings)
    return {
        "reader": reader,
        "files": len(files),
        "files_twice": len(files) - len(unique),
        "pictures": len(judged),
        "answered": len(given),
        "missing": sorted({places[one.opaque] for one in judged if one.opaque not in answers}),
        "missing_training": sum(one.training and one.opaque not in answers for one in showings),
        "too_fast": faults.count(TOO_FAST),
        "out_of_order": faults.count(OUT_OF_ORDER),
        "answered_twice": faults.count(CONFLICT),
        "washout": faults.count(WASHOUT),
        "before_its_date": faults.count(EARLY),
        "changed_later": sum(answer.edits > 0 for answer in given),
        "median_seconds": statistics.median(answer.seconds for answer in given) if given else None,
        "screens": sorted({f"{one.width}x{one.height}" for file in files for one in file.sessions}),
    }
