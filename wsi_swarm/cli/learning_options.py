"""What ``train`` and ``crossval`` have in common: the options that say how a model of slides learns."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from models.hyperparameters import Hyperparameters

AggregatorName = Literal[
    "mean", "max", "attention", "gated_attention", "clam_sb", "dsmil", "transmil", "transformer", "saldanha2022"
]
_HOW = "How it learns"
MOST_CANDIDATES = 64


def _how(*names: str, **more: Any) -> Any:
    return typer.Option(*names, rich_help_panel=_HOW, **more)


Targets = Annotated[
    list[str],
    typer.Option("--target", help="Column to learn; repeat it for several. A patient may lack some of the labels."),
]
POSITIVE = typer.Option(
    [], "--positive", help="TARGET=LABEL: the positive label; every other label is then negative. Else inferred."
)
Aggregator = Annotated[AggregatorName, _how("--aggregator", help="How the tiles of a patient become one result.")]
LearningRate = Annotated[
    float | None, _how("--learning-rate", help="Highest learning rate of AdamW; 0.001 by default.")
]
WeightDecay = Annotated[float | None, _how("--weight-decay", help="Weight decay of AdamW; 0.1 by default.")]
BatchPatients = Annotated[int | None, _how("--batch-patients", help="Patients per mini-batch; 8 by default.")]
BagTiles = Annotated[
    int | None,
    _how("--bag-tiles", help="Tiles per patient and mini-batch, the same cap for every patient; 256 by default."),
]
InputDropout = Annotated[
    float | None, _how("--input-dropout", help="Share of the features left out per bag; 0.3 by default.")
]
Dropout = Annotated[
    float | None, _how("--dropout", help="Share of the hidden units left out per bag; 0.25 by default.")
]
Schedule = Annotated[
    Literal["cosine", "one_cycle", "constant"] | None, _how("--schedule", help="Course of the rate; cosine by default.")
]
Precision = Annotated[
    Literal["float32", "bfloat16"] | None,
    _how("--precision", help="Of the products; bfloat16 is faster where the processor has it. float32 by default."),
]
Balanced = Annotated[
    bool | None, _how("--balanced/--unbalanced", help="Weigh the classes by their rarity; on by default.")
]
Augmented = Annotated[
    bool, _how("--augmented", help="Also train on the sets that 'extract --augment' wrote beside the features.")
]
Hidden = Annotated[int, _how("--hidden", min=1, help="Length of an embedded tile.")]
Attention = Annotated[int, _how("--attention", min=1, help="Width of each target's attention gate.")]
Device = Annotated[str, _how("--device", help="cpu, cuda or cuda:N; repeats are bit-identical on the CPU.")]
Clini = Annotated[Path, typer.Option("--clini", help="Clinical table (CSV or XLSX): PATIENT and a column per target.")]


def settings_of(aggregator: str, given: dict[str, Any]) -> Hyperparameters:
    """Return the aggregator's defaults, changed by what was given (None: not given)."""
    from dataclasses import replace

    from models.hyperparameters import default_hyperparameters

    named = {name: value for name, value in given.items() if value is not None}
    return replace(default_hyperparameters(aggregator), **named)


def parse_grid(options: list[str], settings: Hyperparameters) -> dict[str, list[Any]]:
    """Read ``NAME=VALUE,VALUE`` options; ``ConfigError`` for an unknown or repeated name, or an unfit value."""
    import math

    from models.tabular.learners import fitting, parse_settings
    from wsi_swarm.errors import ConfigError

    grid: dict[str, list[Any]] = {}
    for option in options:
        name, _, values = (part.strip() for part in option.partition("="))
        if name in grid:
            msg = f"--try names {name} twice; give all its values in one"
            raise ConfigError(msg)
        found = [parse_settings([f"{name}={value}"])[name] for value in values.split(",")]
        grid[name] = [fitting(settings, {name: value})[name] for value in found]
    if math.prod(len(values) for values in grid.values()) > MOST_CANDIDATES:
        msg = f"--try makes more than {MOST_CANDIDATES} combinations; try fewer values"
        raise ConfigError(msg)
    return grid
