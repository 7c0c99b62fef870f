"""``wsi-swarm tile``."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(tile)


def tile(
    slides: Path = typer.Argument(help="A slide file, a folder of slides, or a CSV/XLSX table with FILENAME[, mpp]."),
    out: Path = typer.Option(help="Job folder; run again with the same folder to go on where it stopped."),
    mpp: float = typer.Option(0.5, help="Micrometres per pixel of the tiles, used exactly."),
    tile_px: int = typer.Option(224, help="Side of a tile in pixels at that scale."),
    overlap: int = typer.Option(0, help="Overlap of neighbouring tiles in pixels at that scale."),
    slide_mpp: float | None = typer.Option(
        None, help="Micrometres per level-0 pixel, for slides whose file does not say it."
    ),
    min_tissue: float = typer.Option(0.5, help="Smallest fraction of a tile that is tissue; others are background."),
) -> None:
    """Find the tissue of each slide and choose its tiles; write coordinates, GeoJSON for QuPath and a preview."""
    from pipelines.tile import TileOptions, tile_slides

    options = TileOptions(mpp=mpp, tile_px=tile_px, overlap_px=overlap, min_tissue=min_tissue)
    summary = tile_slides(slides, out, options, slide_mpp)
    typer.echo(summary.markdown())
    summary.check()
