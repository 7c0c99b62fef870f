"""The text that iMRMC opens."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from heatmaps.readers.statistics.crossed import crossed
from heatmaps.readers.statistics.imrmc import imrmc_text
from pipelines.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


def test_every_reading_stands_once_after_the_truth_of_its_case(van_dyke: pd.DataFrame) -> None:
    lines = imrmc_text(crossed(van_dyke), "Van Dyke,\n1993").splitlines()
    assert lines[:2] == ["Van Dyke, 1993", "BEGIN DATA:"]
    rows = [line.split(",") for line in lines[2:]]
    assert all(len(row) == 4 for row in rows)
    truths = {case: int(label) for reader, case, modality, label in rows if reader == modality == "truth"}
    assert truths == dict(zip(van_dyke["case"], van_dyke["truth"], strict=True))
    assert len(rows) == 114 + 1140
    read = {(reader, case, modality): float(score) for reader, case, modality, score in rows[114:]}
    keys = zip(van_dyke["reader"], van_dyke["case"], van_dyke["modality"], strict=True)
    assert read == dict(zip(keys, van_dyke["score"].astype(float), strict=True))


def test_the_title_cannot_begin_the_data(van_dyke: pd.DataFrame) -> None:
    lines = imrmc_text(crossed(van_dyke), "BEGIN DATA:").splitlines()
    assert lines.count("BEGIN DATA:") == 1


@pytest.mark.parametrize("name", ["a,b", "a\nb", " ", "Truth"])
def test_names_that_the_format_cannot_hold_are_refused(van_dyke: pd.DataFrame, name: str) -> None:
    study = crossed(van_dyke)
    for field in ("readers", "cases", "modalities"):
        with pytest.raises(ConfigError):
            imrmc_text(replace(study, **{field: (name, *getattr(study, field)[1:])}), "title")
