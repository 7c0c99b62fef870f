"""``wsi-swarm convert``."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(convert)


def convert(
    files: list[Path] = typer.Argument(
        help="Feature or tile files (.h5, .pt) or folders of them: native, TRIDENT, STAMP, CLAM or AtlasPatch."
    ),
    to: Literal["native", "trident", "stamp", "clam"] = typer.Option(help="Layout to make."),
    out: Path = typer.Option(
        help="Folder in which the layout's own folders are made; a job folder of `tile` and `extract` for native."
    ),
    slides: Path | None = typer.Option(
        None, help="The slides (file, folder or table), from which size and micrometres per pixel are read."
    ),
    mpp: float | None = typer.Option(None, help="Micrometres per level-0 pixel, where neither file nor slide says it."),
    slide_size: str | None = typer.Option(
        None, help="WIDTHxHEIGHT of level 0 in pixels, where neither file nor slide says it; for one slide."
    ),
    encoder: str | None = typer.Option(None, help="Name of the encoder, where the files do not say it (CLAM)."),
    tile_um: float | None = typer.Option(None, help="Side of a tile in micrometres, where the files do not say it."),
    tile_px: int | None = typer.Option(
        None, help="Side of a tile in pixels as the encoder saw it, where the files do not say it."
    ),
    overlap_px: int | None = typer.Option(
        None, help="Overlap of neighbouring tiles in those pixels, where the files do not say it."
    ),
    coords_unit: str | None = typer.Option(
        None,
        help="Unit of coordinates that the files do not state: px (level 0), um, or micrometres per unit as a number.",
    ),
    patches: Path | None = typer.Option(None, help="CLAM's folder of tile files, if it is not beside the features."),
    force: bool = typer.Option(False, "--force", help="Overwrite files that are there and differ."),
) -> None:
    """Convert feature and tile files between the layouts of this software, TRIDENT, STAMP and CLAM.

    Order and vectors of the tiles stay as they are. A fact that a layout needs and no file states is asked for.
    """
    from pipelines.features.content import Given
    from pipelines.features.convert import ConvertOptions, convert_files

    given = Given(mpp, _size(slide_size), encoder, tile_um, tile_px, overlap_px, _unit(coords_unit))
    summary = convert_files(files, out, ConvertOptions(to, given, slides, patches, force))
    typer.echo(summary.markdown())
    summary.check()


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.strip().isdigit() and height.strip().isdigit() and int(width) > 0 and int(height) > 0):
        raise typer.BadParameter(f"{text} is not WIDTHxHEIGHT, such as 40000x30000", param_hint="--slide-size")
    return int(width), int(height)


def _unit(text: str | None) -> str | float | None:
    if text in (None, "px", "um"):
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise typer.BadParameter(
            f"{text} is neither px nor um nor a number of micrometres per unit", param_hint="--coords-unit"
        )
    return value
