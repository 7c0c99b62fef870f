"""What the sample annotations of the swarm paper hold: how many samples, cases, controls and studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors import ConfigError, InputError
from wsi_swarm.study.published.results import read_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PREFIX, SUFFIX = "schultze_annotation.", ".csv.gz"


@dataclass(frozen=True)
class Partition:
    """One annotation set.

    Attributes
    ----------
    name
        Part of the file's name, for instance ``A2``.
    samples
        Rows.
    cases
        Cases by column of labels; all other samples are controls.
    studies
        Samples by study, the largest first.
    """

    name: str
    samples: int
    cases: dict[str, int]
    studies: dict[str, int]


def partition_facts(path: Path) -> Partition:
    """Count the samples of one annotation file.

    Columns whose every cell is CASE or CONTROL are labels; the study stands in GSE, or in a column StudyID or one that
    begins so.

    Raises
    ------
    InputError
        If the file is missing or unreadable.
    ConfigError
        If it has no labels or no study.
    """
    table: Any = read_frame(path, dtype=str, keep_default_na=False)
    labels = [name for name in table if len(table) and table[name].isin(["CASE", "CONTROL"]).all()]
    studies = [name for name in table if name == "GSE" or name.startswith("StudyID")]
    if not labels or len(studies) != 1:
        msg = f"{path} has no column of CASE and CONTROL, or not one of studies; name an annotation of the swarm paper"
        raise ConfigError(msg)
    return Partition(
        name=path.name.removeprefix(PREFIX).removesuffix(SUFFIX),
        samples=len(table),
        cases={name: int((table[name] == "CASE").sum()) for name in labels},
        studies={str(study): int(count) for study, count in table[studies[0]].value_counts().items()},
    )


def partitions_in(folder: Path) -> tuple[Partition, ...]:
    """Count the samples of every annotation file in a folder; ``InputError`` if there is none."""
    paths = sorted(folder.glob(f"{PREFIX}*{SUFFIX}"))
    if not paths:
        msg = f"{folder} holds no file {PREFIX}*{SUFFIX}; name the folder of the paper's annotations"
        raise InputError(msg)
    return tuple(partition_facts(path) for path in paths)


def as_lines(partitions: Sequence[Partition]) -> list[str]:
    """Return one line per set and column of labels."""
    return [
        f"{one.name}: {one.samples} samples; {column}: {cases} cases, {one.samples - cases} controls; "
        f"{len(one.studies)} studies of {min(one.studies.values())} to {max(one.studies.values())} samples"
        for one in partitions
        for column, cases in one.cases.items()
    ]
