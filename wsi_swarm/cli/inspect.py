"""``wsi-swarm inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(inspect)


def inspect(
    path: Path = typer.Argument(help="A slide (file or DICOM folder), a feature or tile file (.h5) or a model."),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document instead of lines."),
) -> None:
    """Say what a slide, feature file or model holds."""
    import json

    facts = _facts(path)
    if as_json:
        typer.echo(json.dumps(facts, indent=1, allow_nan=False, ensure_ascii=False))
        return
    for name, value in facts.items():
        typer.echo(f"{name:24} {value if isinstance(value, str | int | float) else json.dumps(value)}")


def _facts(path: Path) -> dict[str, Any]:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _model_facts(path)
    from pipelines.inspection import inspect_hdf5, inspect_slide

    return inspect_hdf5(path) if suffix in {".h5", ".hdf5"} and path.is_file() else inspect_slide(path)


def _model_facts(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from models.model_file import load_model

    model = load_model(path)
    weights = sum(int(array.size) for array in model.state.values())
    return {"kind": "model", "path": str(path), "sha256": model.sha256, "weights": weights, **asdict(model.spec)}
