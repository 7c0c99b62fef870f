"""The patients of a study with all that is measured of them, in memory or mapped: tables or slides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wsi_swarm.errors import ConfigError
from wsi_swarm.study.types import SlideSource, TableSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.study.materials.base import Material
    from wsi_swarm.study.types import Source
    from wsi_swarm.swarm.config import TargetConfig


def make_material(sources: Sequence[Source], targets: Sequence[TargetConfig], batch: str = "") -> Material:
    """Put cohorts together.

    Parameters
    ----------
    sources
        All tables, or all slides.
    targets
        Columns of the clinical tables with their labels.
    batch
        Column of the clinical tables that names the laboratory or study of a patient; empty: the cohort's name.

    Raises
    ------
    ConfigError
        If tables and slides are mixed, a patient stands in two cohorts, a column is missing, or a label is unknown.
    """
    tables = [one for one in sources if isinstance(one, TableSource)]
    slides = [one for one in sources if isinstance(one, SlideSource)]
    if tables and slides:
        msg = f"the cohort {tables[0].name} is a table and {slides[0].name} are slides; a scenario reads one kind"
        raise ConfigError(msg)
    if tables:
        from wsi_swarm.study.materials.tables import TableMaterial

        return TableMaterial(tables, targets, batch)
    from wsi_swarm.study.materials.slides import SlideMaterial

    return SlideMaterial(slides, targets, batch)
