"""From which files, with which software and which seed an evaluation was made."""

from __future__ import annotations

import hashlib
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from models.evaluation.predictions import names_of
from models.prediction_record import PredictedBy, read_record

if TYPE_CHECKING:
    from pathlib import Path

    from models.evaluation.evaluate import Request

LIBRARIES = ("numpy", "scipy", "scikit-learn", "statsmodels", "matplotlib")


@dataclass(frozen=True)
class UsedFile:
    """A file by its role, name (no folder, which may name people) and hash."""

    role: str
    name: str
    sha256: str


@dataclass(frozen=True)
class UsedModel:
    """The model behind a prediction table, or the sentence why it is not known; one of the two is None."""

    predictions: str
    model: PredictedBy | None
    unknown: str | None


@dataclass(frozen=True)
class Provenance:
    """What is needed to repeat an evaluation.

    Attributes
    ----------
    made
        Date and time in UTC.
    software
        This software's version.
    environment
        Python and the libraries that calculate.
    seed, resamples
        Of the bootstrap; the seed also of the permutations.
    files
        Every table read.
    models
        Of each prediction table, as the record beside it says.
    """

    made: str
    software: str
    environment: str
    seed: int
    resamples: int
    files: tuple[UsedFile, ...]
    models: tuple[UsedModel, ...] = ()

    @property
    def predictions(self) -> tuple[UsedFile, ...]:
        """The prediction tables."""
        return tuple(file for file in self.files if file.role == "predictions")


def provenance_of(request: Request, made: str) -> Provenance:
    """Hash the tables of a request and name the software.

    Parameters
    ----------
    request
        Whose files exist.
    made
        Date and time in UTC, by the caller's clock.
    """
    roles: list[tuple[str, str, Path]] = [("clinical table", request.clini.name, request.clini)]
    roles += [
        ("predictions", name, path)
        for name, path in zip(names_of(request.predictions), request.predictions, strict=True)
    ]
    if request.calibration_clini is not None:
        roles.append(
            ("clinical table of the calibration set", request.calibration_clini.name, request.calibration_clini)
        )
    roles += [("calibration predictions", path.name, path) for path in request.calibration]
    files = tuple(UsedFile(role, name, hashlib.sha256(path.read_bytes()).hexdigest()) for role, name, path in roles)
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return Provenance(
        made=made,
        software=f"wsi-swarm {version('wsi-swarm')}",
        environment=f"Python {platform.python_version()}, {libraries}",
        seed=request.seed,
        resamples=request.resamples,
        files=files,
        models=tuple(
            _model(file, path)
            for file, (role, _, path) in zip(files, roles, strict=True)
            if role.endswith("predictions")
        ),
    )


def _model(file: UsedFile, path: Path) -> UsedModel:
    found = read_record(path, file.sha256)
    unknown = isinstance(found, str)
    return UsedModel(file.name, None if unknown else found, found if unknown else None)
