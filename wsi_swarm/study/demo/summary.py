"""What the demo found, in words: for the terminal, as a page and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.study.compare.table import as_json, as_markdown, as_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wsi_swarm.study.compare.comparison import Row
    from wsi_swarm.study.demo.showing import Shown
    from wsi_swarm.study.nodes.swarm import SwarmOutcome

DRAWN = (
    "The cohort is drawn, not real: nobody ever had these tumours. What carries MSI and BRAF was put into the "
    "pictures, and each centre's case mix was made to mislead a model that is trained there alone. The numbers "
    "show that the software works; they mean nothing clinically."
)


@dataclass(frozen=True)
class DemoResult:
    """Everything that the demo reports."""

    out: Path
    seed: int
    held_out: str
    centres: Mapping[str, int]
    rows: tuple[Row, ...]
    swarms: Mapping[str, SwarmOutcome]
    shown: Shown


def as_document(result: DemoResult, recipe: dict[str, Any]) -> dict[str, Any]:
    """Return ``summary.json``: the same seed gives the same document."""
    shown = result.shown
    return {
        "notice": DRAWN,
        "seed": result.seed,
        "recipe": recipe,
        "training_centres": dict(result.centres),
        "held_out_centre": result.held_out,
        "models": as_json(result.rows),
        "swarms": {name: outcome.document() for name, outcome in result.swarms.items()},
        "heatmap": {
            "case": shown.case,
            "localisation_auroc": round(shown.auroc, 6),
            "median_localisation_auroc": round(shown.median, 6),
            "median_localisation_auroc_in_tumour": round(shown.median_in_tumour, 6),
            "msi_cases": shown.cases,
            "picture": shown.picture.relative_to(result.out).as_posix(),
            "report": shown.report.relative_to(result.out).as_posix(),
            "cohort": shown.cohort.relative_to(result.out).as_posix(),
        },
        "reader_kits": [kit.relative_to(result.out).as_posix() for kit in shown.kits],
    }


def as_page(result: DemoResult) -> str:
    """Return ``summary.md``."""
    shown = result.shown
    picture = shown.picture.relative_to(result.out).as_posix()
    lines = [
        f"# wsi-swarm demo, seed {result.seed}",
        "",
        DRAWN,
        "",
        f"AUROC with 95 % interval on the patients of {result.held_out}, a centre that nobody trained on:",
        "",
        as_markdown(result.rows),
        "",
        *(f"- {line}" for line in _checks(result)),
        "",
        f"![Drawn slide, planted truth, heatmap]({picture})",
        "",
        *(f"- {what}: `{where}`" for what, where in _places(result)),
        "",
    ]
    return "\n".join(lines)


def as_words(result: DemoResult) -> str:
    """Return what the command prints."""
    width = max(len(what) for what, _ in _places(result))
    lines = [
        f"AUROC [95 % interval] on {result.held_out}, a centre that nobody trained on:",
        "",
        as_text(result.rows),
        "",
        *_checks(result),
        "",
        *(f"{what.ljust(width)}  {result.out / where}" for what, where in _places(result)),
        "",
        DRAWN,
    ]
    return "\n".join(lines)


def _checks(result: DemoResult) -> list[str]:
    lines = []
    for name, outcome in result.swarms.items():
        lines.append(
            f"{name}: all {len(outcome.centres)} centres ended with the byte-identical model "
            f"({outcome.model_sha256[:16]}); its root {outcome.root[:16]} is the one on the chain. "
            f"Audit: {outcome.audit}"
        )
    shown = result.shown
    lines.append(
        f"heatmap of {shown.case}: tile contributions find the planted MSI evidence among all tiles with AUROC "
        f"{shown.auroc:.2f} (median of all {shown.cases} MSI cases of {result.held_out}: {shown.median:.2f}; among "
        f"tumour tiles alone: {shown.median_in_tumour:.2f})."
    )
    return lines


def _places(result: DemoResult) -> list[tuple[str, str]]:
    shown = result.shown
    return [
        ("heatmap beside truth", shown.picture.relative_to(result.out).as_posix()),
        ("report of that case", shown.report.relative_to(result.out).as_posix()),
        ("page of all explained", shown.cohort.relative_to(result.out).as_posix()),
        *((f"reader kit {number}", kit.relative_to(result.out).as_posix()) for number, kit in enumerate(shown.kits, 1)),
        ("slides, tables, features", "centres"),
        ("models", "models"),
        ("each centre's node", "swarm"),
        ("this summary", "summary.md"),
    ]
