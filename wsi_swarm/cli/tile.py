"""``wsi-swarm tile``."""

from __future__ import annotations

from pathlib import Path

import typer

from wsi_swarm.cli.job_options import DRY_RUN, FORCE, ONLY_FAILED, SHARD, show_plan


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
    min_tissue: float = typer.Option(0.5, help="Smallest fraction of a tile that is tissue; others are dropped."),
    keep: str = typer.Option("", help="Do not drop these, comma-separated: pen, blur, debris, hole."),
    tissue_mask: Path | None = typer.Option(
        None, help="GeoJSON of the tissue, drawn or edited in QuPath; or a folder with <slide>.geojson for each slide."
    ),
    any_stain: bool = typer.Option(
        False, "--any-stain", help="Take slides that do not look like H&E, too; pens are then not seen."
    ),
    reader: str = typer.Option("auto", help="What reads the pixels: auto, openslide or jpeg-tiff."),
    workers: int = typer.Option(4, help="Slides worked on at once; the result does not depend on it."),
    shard: str | None = SHARD,
    only_failed: bool = ONLY_FAILED,
    force: bool = FORCE,
    dry_run: bool = DRY_RUN,
    as_json: bool = typer.Option(False, "--json", help="Print the dry run as JSON."),
) -> None:
    """Find the tissue of each slide and choose its tiles; write coordinates, GeoJSON for QuPath and a preview."""
    from pipelines.job import Control, parse_shard
    from pipelines.tile import TileOptions, plan_tiling, tile_slides

    names = tuple(name.strip() for name in keep.split(",") if name.strip())
    options = TileOptions(mpp, tile_px, overlap, min_tissue, names, any_stain, reader)
    control = Control(only_failed=only_failed, force=force, shard=parse_shard(shard))
    if dry_run:
        plans = plan_tiling(slides, out, options, slide_mpp, tissue_mask=tissue_mask, control=control)
        show_plan(plans, as_json)
        return
    summary = tile_slides(slides, out, options, slide_mpp, tissue_mask=tissue_mask, workers=workers, control=control)
    typer.echo(summary.markdown())
    summary.check()
