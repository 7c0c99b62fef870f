"""``wsi-swarm inspect``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(inspect)


def inspect(
    path: Path = typer.Argument(
        help="A slide (file or DICOM folder), a feature or tile file of any known layout (.h5, .pt), a model, or a "
        "table of measurements (.csv, .tsv, also .gz)."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print one JSON document instead of lines."),
) -> None:
    """Say what a slide, feature file, tile file, model or table holds, and what it leaves unsaid."""
    import json

    facts = _facts(path)
    if as_json:
        typer.echo(json.dumps(facts, indent=1, allow_nan=False, ensure_ascii=False))
        return
    tell = {"slide": _slide_lines, "model": _model_lines, "table": _table_lines}.get(facts["kind"], _tile_lines)
    for name, text in tell(facts):
        typer.echo(f"{name:12} {text}")


def _facts(path: Path) -> dict[str, Any]:
    suffix = path.suffix.lower()
    if suffix == ".safetensors":
        return _model_facts(path)
    if path.name.lower().removesuffix(".gz").endswith((".csv", ".tsv", ".txt")):
        return _table_facts(path)
    from pipelines.inspection import inspect_hdf5, inspect_slide

    if suffix not in {".h5", ".hdf5", ".pt"} or not path.is_file():
        return inspect_slide(path)
    facts = inspect_hdf5(path)
    if facts["kind"] == "features":
        from dataclasses import asdict

        from models.feature_kind import read_kind

        facts["feature_kind"] = asdict(read_kind(path))  # as run.toml wants it
    return facts


def _model_facts(path: Path) -> dict[str, Any]:
    from dataclasses import asdict

    from models.model_file import TABLE_FORMAT, load_model, model_format
    from models.tabular.lasso import coefficients
    from models.tabular.model import load_table_model
    from models.tabular.table import columns_sha256

    model = load_table_model(path) if model_format(path) == TABLE_FORMAT else load_model(path)
    weights = sum(int(array.size) for array in model.state.values())
    facts = {**asdict(model.spec), "kind": "model", "path": str(path), "sha256": model.sha256, "weights": weights}
    bits = model.spec.provenance.get("run", {}).get("fraction_bits")
    if isinstance(bits, int):
        from wsi_swarm.swarm.state.encoding import encode

        facts["root"] = encode(model.state, bits).root.hex()  # the start_root of a run that goes on from this model
    if "columns" in facts:
        facts["learner"] = model.spec.kind
        facts["table"] = {"columns_sha256": columns_sha256(facts["columns"]), "n_features": len(facts["columns"])}
        if model.spec.kind == "lasso":
            facts["coefficients"] = {
                target.name: {name: float(value) for name, value in zip(facts["columns"], row, strict=True) if value}
                for target, row in zip(model.spec.targets, coefficients(model.state), strict=True)
            }
    return facts


def _table_facts(path: Path) -> dict[str, Any]:
    from models.tabular.table import columns_sha256, read_measurements

    found = read_measurements(path)
    return {
        "kind": "table",
        "path": str(path),
        "patients": len(found.patients),
        "lowest": float(found.values.min()),
        "highest": float(found.values.max()),
        "table": {"columns_sha256": columns_sha256(found.columns), "n_features": len(found.columns)},  # as run.toml
    }


def _table_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("table", facts["path"]),
        ("patients", str(facts["patients"])),
        ("columns", f"{facts['table']['n_features']}, sha256 {facts['table']['columns_sha256']}"),
        ("values", f"{facts['lowest']:g} to {facts['highest']:g}"),
    ]


def _slide_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    width, height = facts["size_px"]
    size = f"{width} x {height} px"
    if facts["mpp"]:
        size += f", {width * facts['mpp'] / 1000:.2f} x {height * facts['mpp'] / 1000:.2f} mm"
        scale = f"{facts['mpp']:.6g} µm per pixel"
    else:
        scale = facts["mpp_problem"]
    levels = [f"{level['size_px'][0]} x {level['size_px'][1]} (1:{level['downsample']:g})" for level in facts["levels"]]
    images = [f"{name} {side[0]} x {side[1]}" for name, side in facts["associated_sizes_px"].items()]
    profile = facts["icc_profile"]
    return [
        ("slide", facts["path"]),
        ("format", facts["vendor"] or "unknown"),
        ("size", size),
        ("resolution", scale),
        ("objective", f"{facts['objective']}x" if facts["objective"] else "not stated"),
        ("read by", facts["reader"] or "nothing, while it has no resolution"),
        ("levels", ", ".join(levels)),
        ("colour", f"ICC profile '{profile['name']}', not applied" if profile else "no ICC profile"),
        ("associated", ", ".join(images) or "no images"),
    ]


def _tile_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    lines = [
        (facts["kind"], f"{facts['path']} ({facts['layout']} layout)"),
        ("slide", facts["slide"] + _of_size(facts)),
        ("tiles", str(facts["tiles"]) + _of_tile(facts)),
    ]
    if "dropped" in facts:
        reasons = ", ".join(f"{number} {reason}" for reason, number in facts["dropped"].items() if number)
        lines.append(("dropped", reasons or "none"))
    if facts["kind"] == "features":
        lines.append(("encoder", facts.get("encoder", "not stated") + _hashes(facts)))
        spread = "" if facts["mean"] is None else f", mean {facts['mean']:.4g}, sd {facts['standard_deviation']:.4g}"
        broken = "" if facts["finite"] else "; SOME VALUES ARE NOT FINITE"
        lines.append(("vectors", f"{facts['dimensions']} numbers of {facts['type']}{spread}{broken}"))
    if facts.get("augmentation_set"):
        lines.append(("augmented", f"further set {facts['augmentation_set']} of varied tiles, for training only"))
    lines += [(name, str(facts[name])) for name in ("reader", "software", "converted_from") if facts.get(name)]
    if facts.get("coords_unit"):
        lines.append(("coordinates", f"in {facts['coords_unit']}"))
    if facts.get("unknown"):
        lines.append(("not stated", ", ".join(facts["unknown"])))
    return lines


def _of_size(facts: dict[str, Any]) -> str:
    size = f", {facts['slide_width']} x {facts['slide_height']} px" if "slide_width" in facts else ""
    return size + (f" at {facts['mpp']:.6g} µm per pixel" if "mpp" in facts else "")


def _of_tile(facts: dict[str, Any]) -> str:
    parts = []
    if "tile_um" in facts:
        parts.append(f"{facts['tile_um']:.6g} µm")
    elif "nominal_tile_um" in facts:
        parts.append(f"nominally {facts['nominal_tile_um']:.6g} µm")
    if "tile_px" in facts:
        parts.append(f"{facts['tile_px']} px")
    if "tile_px_level0" in facts:
        parts.append(f"{facts['tile_px_level0']:.6g} level-0 px")
    overlap = f", overlap {facts['overlap_px']} px" if "overlap_px" in facts else ""
    return (f" of {' = '.join(parts)}" if parts else "") + overlap


def _hashes(facts: dict[str, Any]) -> str:
    names = (("card", "encoder_card_sha256"), ("weights", "weights_sha256"))
    return "".join(f", {word} {facts[name][:12]}" for word, name in names if facts.get(name))


def _model_lines(facts: dict[str, Any]) -> list[tuple[str, str]]:
    import json

    targets = [f"{t['name']} ({t['positive']} against {', '.join(t['negative'])})" for t in facts["targets"]]
    return [
        ("model", facts["path"]),
        ("sha256", facts["sha256"]),
        *([("root", facts["root"])] if "root" in facts else []),
        ("targets", "; ".join(targets)),
        *(_of_tables(facts) if "table" in facts else _of_slides(facts)),
        ("provenance", json.dumps(facts["provenance"], ensure_ascii=False)),
    ]


def _of_slides(facts: dict[str, Any]) -> list[tuple[str, str]]:
    kind = facts["features"]
    return [
        (
            "reads",
            f"{kind['encoder']}, {kind['dim']} numbers, tiles of {kind['tile_um']:g} µm at {kind['mpp']:g} µm/px",
        ),
        ("encoder", f"card {kind['card_sha256'] or 'unknown'}, weights {kind['weights_sha256'] or 'none stated'}"),
        ("network", f"{_aggregator(facts)}, {facts['weights']} weights"),
        ("widths", f"hidden {facts['hidden']}, attention {facts['attention']}"),
    ]


def _aggregator(facts: dict[str, Any]) -> str:
    many = facts["members"]
    return facts["aggregator"] + (f", an ensemble of {many}" if many > 1 else "")


def _of_tables(facts: dict[str, Any]) -> list[tuple[str, str]]:
    read = facts["table"]
    hidden = ", ".join(map(str, facts["hidden"]))
    return [
        (
            "reads",
            f"tables of {read['n_features']} columns, sha256 {read['columns_sha256']}, scaling {facts['scaling']}",
        ),
        ("network", f"{facts['learner']}, {facts['weights']} weights" + (f", hidden {hidden}" if hidden else "")),
        *(
            (name, f"{len(used)} of {read['n_features']} columns have a coefficient, largest {_largest(used)}")
            for name, used in facts.get("coefficients", {}).items()
        ),
    ]


def _largest(coefficients: dict[str, float]) -> str:
    order = sorted(coefficients, key=lambda name: -abs(coefficients[name]))
    return ", ".join(f"{name} {coefficients[name]:+.3g}" for name in order[:5]) or "none"
