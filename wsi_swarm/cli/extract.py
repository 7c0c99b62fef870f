"""``wsi-swarm extract``."""

from __future__ import annotations

import json
from pathlib import Path

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(extract)


def extract(
    slides: Path | None = typer.Argument(None, help="The slides that were tiled: a file, a folder or a table."),
    out: Path | None = typer.Option(
        None, help="Job folder of `wsi-swarm tile`; feature files go to its features/ENCODER."
    ),
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
    list_encoders: bool = typer.Option(False, "--list-encoders", help="List the encoder cards and do nothing else."),
    as_json: bool = typer.Option(False, "--json", help="Print the list of encoders as JSON."),
) -> None:
    """Turn the tiles of each slide into vectors: one HDF5 feature file per slide."""
    if list_encoders:
        typer.echo(_encoder_list(as_json))
        return
    if slides is None:
        raise typer.BadParameter("name the slides that were tiled", param_hint="SLIDES")
    if out is None:
        raise typer.BadParameter("name the job folder of `wsi-swarm tile`", param_hint="--out")
    from models.encoders import get_encoder
    from pipelines.extract import ExtractOptions, extract_slides

    options = ExtractOptions(batch_size=batch_size, workers=workers, allow_mpp=allow_mpp)
    random = weights is not None and weights.name == "random" and not weights.exists()
    made = get_encoder(encoder, "random" if random else weights, device)
    summary = extract_slides(slides, out, made, options, slide_mpp)
    typer.echo(summary.markdown())
    summary.check()


def _encoder_list(as_json: bool) -> str:
    from models.encoders import describe_cards

    cards = describe_cards()
    if as_json:
        return json.dumps(cards, indent=2)
    rows = [f"{card['name']:<16}{card['dim']:>5}  {card['description']} Weights: {card['weights']}." for card in cards]
    return "\n".join(
        ["encoder          dim", *rows, "Any other model name of timm works too, with its own normalisation."]
    )
