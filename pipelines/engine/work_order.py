"""What a worker in another process is told: small, and made of things that can be sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.engine.recipe import ExtractOptions, Recipe
from pipelines.job import Control, Job

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pipelines.encoder import Encoder
    from pipelines.preparation import Preparation


@dataclass(frozen=True)
class WorkOrder:
    """The order of one run.

    Attributes
    ----------
    make_encoder : makes the encoder from the name of a device; is sent to the worker, so it must be picklable.
    preparation, options, slide_mpp, control : as in ``extract_slides``.
    out : job folder.
    started : seconds since the epoch.
    """

    make_encoder: Callable[[str], Encoder]
    preparation: Preparation
    options: ExtractOptions
    slide_mpp: float | None
    out: Path
    control: Control
    started: float

    def recipe(self, device: str) -> Recipe:
        """Make the encoder on its device."""
        return Recipe(self.make_encoder(device), self.preparation, self.options, self.slide_mpp)

    def job(self, alone: bool) -> Job:
        """Return the worker's view of the job."""
        return Job(self.out, control=self.control, started=self.started, leave_the_dead=not alone)
