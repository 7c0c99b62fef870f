"""A proof of blinding as people and programs read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heatmaps.readers.blinding.proof import Proof


def as_text(proof: Proof) -> str:
    """Return what was looked at and found, a line each."""
    lines = [f"{proof.kit}: {'BLINDED' if not proof.leaks else 'NOT BLINDED'}"]
    lines += [f"  leak: {leak.file} {leak.sentence}" for leak in proof.leaks]
    short = f"; {proof.names_too_short} are too short to be looked for" if proof.names_too_short else ""
    lines.append(f"  {proof.files} files; {proof.names} secret names looked for in every one{short}")
    for one in proof.predictions:
        area = f"AUROC {one.auroc.value:.2f} ({one.auroc.low:.2f} to {one.auroc.high:.2f})"
        lines.append(f"  does {one.what} tell {one.group} apart? {area}: {'yes' if one.tells else 'no'}")
    return "\n".join(lines)


def as_document(proof: Proof) -> dict[str, Any]:
    """Return the same for JSON."""
    return {
        "schema": "wsi-swarm-reader-proof/1",
        "kit": proof.kit,
        "reader": proof.reader,
        "blinded": not proof.leaks,
        "files": proof.files,
        "names": proof.names,
        "names_too_short": proof.names_too_short,
        "leaks": [{"file": leak.file, "sentence": leak.sentence} for leak in proof.leaks],
        "predictions": [
            {
                "what": one.what,
                "group": one.group,
                "auroc": one.auroc.value,
                "low": one.auroc.low,
                "high": one.auroc.high,
                "n_group": one.auroc.n_pos,
                "n_others": one.auroc.n_neg,
            }
            for one in proof.predictions
        ],
    }
