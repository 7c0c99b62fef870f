"""The small file beside a table of predictions that says which model made them.

The table itself stays as others read it. The record holds the table's hash, so that it vouches for these bytes only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from models.targets import Target
from pipelines.files import write_json

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "wsi-swarm predictions 1"


@dataclass(frozen=True)
class PredictedBy:
    """A model, as its predictions name it.

    Attributes
    ----------
    sha256
        Of the model file.
    name
        Of the file, without its folder, which may name people.
    encoder
        Name of the encoder whose features it reads; empty for a model of tables.
    reads
        The same with card, weights and tiles, or which tables, in words.
    targets
        What it predicts.
    """

    sha256: str
    name: str
    encoder: str
    reads: str
    targets: tuple[Target, ...]


def record_path(table: Path) -> Path:
    """Return where the record of a table lies: ``preds.model.json`` beside ``preds.csv``."""
    return table.with_suffix(".model.json")


def write_record(table: Path, text: str, model: PredictedBy) -> None:
    """Write the record of a table.

    Parameters
    ----------
    table
        Where the table was written.
    text
        What was written there.
    model
        Its maker.
    """
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    write_json(record_path(table), {"format": FORMAT, "table_sha256": sha256, "model": asdict(model)})


def read_record(table: Path, sha256: str) -> PredictedBy | str:
    """Return the model that made a table, or the sentence why it is not known.

    Parameters
    ----------
    table
        The table, which need not be of this software.
    sha256
        Of its bytes.
    """
    path = record_path(table)
    if not path.is_file():
        return f"no record of the model lies beside the table ({path.name}, which 'wsi-swarm predict' writes)"
    try:
        found = json.loads(path.read_text("utf-8"))
        given, model = found["table_sha256"], found["model"]
        targets = tuple(Target(t["name"], t["positive"], tuple(t["negative"])) for t in model["targets"])
        maker = PredictedBy(model["sha256"], model["name"], model["encoder"], model["reads"], targets)
        texts = (given, maker.sha256, maker.name, maker.encoder, maker.reads)
        if found["format"] != FORMAT or not all(isinstance(text, str) for text in texts):
            return f"the record {path.name} beside the table is not of the format '{FORMAT}'"
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        return f"the record {path.name} beside the table is damaged ({type(error).__name__})"
    if given != sha256:
        return f"the record {path.name} beside the table is of another table, or this one was changed since"
    return maker
