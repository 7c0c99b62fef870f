"""Kits that may be given away: built, proved, and taken back where the proof fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from heatmaps.readers.blinding.verify import verify_kit
from heatmaps.readers.kit.build import build_kits
from pipelines.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from heatmaps.readers.blinding.proof import Proof
    from heatmaps.readers.kit.build import Built


def build_proved_kits(study_file: Path, out: Path) -> Built:
    """Build kits and prove the blinding of each; see ``build_kits``.

    Raises
    ------
    IntegrityError
        A kit tells something; all kits and the key are removed then.
    """
    built = build_kits(study_file, out)
    try:
        refuse_leaks([verify_kit(kit, built.key) for kit in built.kits])
    except IntegrityError:
        # Nobody must find kits that tell something, nor a key that stands in the way of the next try.
        for path in (*built.kits, built.key, built.kit_list):
            path.unlink()
        raise
    return built


def refuse_leaks(proofs: Sequence[Proof]) -> None:
    """Raise ``IntegrityError`` with the first leak, if there is one."""
    leaks = [f"{proof.kit}: {leak.file} {leak.sentence}" for proof in proofs for leak in proof.leaks]
    if leaks:
        more = f"; {len(leaks) - 1} more" if len(leaks) > 1 else ""
        msg = f"the blinding is broken: {leaks[0]}{more}. Give none of these kits away"
        raise IntegrityError(msg)
