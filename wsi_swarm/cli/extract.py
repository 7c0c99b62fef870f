"""``wsi-swarm extract``."""

from __future__ import annotations

from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(extract)


def extract(
    slides: Path = typer.Argument(help="The slides that were tiled: a file, a folder or a table."),
    out: Path = typer.Option(help="Job folder of `wsi-swarm tile`; feature files go to its features/ENCODER."),
    encoder: str = typer.Option("stain-texture", help="Name of the encoder's card."),
    weights: Path | None = typer.Option(
        None, help="Local weights file of the encoder; or the word random, for a seeded random network."
    ),
    device: str = typer.Option("auto", help="Where the encoder runs: auto, cpu or cuda."),
    batch_size: int = typer.Option(64, help="Tiles per call of the encoder."),
    workers: int = typer.Option(4, help="Threads that read tiles; the result does not depend on it."),
    allow_mpp: bool = typer.Option(False, help="Encode at a scale that the encoder's card does not list."),
    slide_mpp: float | None = typer.Option(
        None, help="Micrometres per level-0 pixel; not needed, the job remembers what `tile` was given."
    ),
) -> None:
    """Turn the tiles of each slide into vectors: one HDF5 feature file per slide."""
    from models.encoders import get_encoder
    from pipelines.extract import ExtractOptions, extract_slides

    options = ExtractOptions(batch_size=batch_size, workers=workers, allow_mpp=allow_mpp)
    random = weights is not None and weights.name == "random" and not weights.exists()
    made = get_encoder(encoder, "random" if random else weights, device)
    summary = extract_slides(slides, out, made, options, slide_mpp)
    typer.echo(summary.markdown())
    summary.check()
