"""Run the studies that come with wsi-swarm and put their numbers into docs/results.md.

    python -m benchmarks.study_results --data DATA --out FOLDER [--studies tuberculosis ...] [--write docs/results.md]

Jobs that are done in FOLDER are kept; the run time in the document is that of the jobs themselves, added up.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report import machine, markdown, write_section
from wsi_swarm.study.plan import own_studies, read_study
from wsi_swarm.study.run import run_study
from wsi_swarm.study.summary import HEAD, SHARED, summarise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.study.summary import Line
    from wsi_swarm.study.types import Verdict


def table(lines: Sequence[Line]) -> str:
    """Return mean (SD over repeats) by arm, and the verdicts with their intervals."""
    rows = [dict(zip(HEAD, cells(line), strict=True)) for line in lines]
    return markdown(dict(zip(HEAD, HEAD, strict=True)), rows)


def cells(line: Line) -> list[str]:
    """Return a line's cells in the order of ``HEAD``."""
    nodes = [f"{mean:.3f}" for mean in line.nodes] or ["", ""]
    shared = [f"{line.shared[arm][0]:.3f} ({line.shared[arm][1]:.3f})" if arm in line.shared else "" for arm in SHARED]
    return [*line.where, *nodes, *shared, verdict(line.told.get("best node")), verdict(line.told.get("merged"))]


def verdict(one: Verdict | None) -> str:
    """Return a verdict's outcome with difference and interval."""
    if one is None:
        return ""
    ends = "" if one.low is None else f" [{one.low:+.3f}, {one.high:+.3f}]"
    return f"{one.outcome}: {one.difference:+.3f}{ends}"


def section(name: str, data: Path, out: Path) -> str:
    """Do a study and return its text."""
    study = read_study(name)
    done = run_study(study, data, out / name)
    minutes = done.rows.drop_duplicates(["scenario", "learner", "repeat", "arm", "node"])["seconds"].sum() / 60
    counts = Counter((one.question, one.outcome) for one in done.verdicts if one.arm == "swarm weighted")
    words = [
        f"`wsi-swarm study run {name} --data DATA --out OUT`. {machine()}.",
        f"Training of all models: {minutes:.1f} minutes of one core, beside other work on the machine.",
        f"Mean {study.metric} (SD over repeats); margin of 'reaches' {study.margin:g}.",
    ]
    for one in done.real:
        words.append(
            f"{one.scenario}, {one.learner}, {one.arm}, repeated by {one.nodes} real nodes: same root {one.root[:12]}."
        )
    beats = ", ".join(f"{outcome} {counts['beats', outcome]}" for outcome in ("yes", "open", "no"))
    reaches = ", ".join(f"{outcome} {counts['reaches', outcome]}" for outcome in ("yes", "open", "no"))
    words.append(f"Weighted swarm: beats a node (best, or mean of all): {beats}; reaches merged data: {reaches}.")
    return "\n".join([" ".join(words), "", table(summarise(done.rows, done.verdicts, study.metric))])


def main() -> None:
    """Do the studies one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--studies", nargs="+", default=list(own_studies()))
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    for name in options.studies:
        text = section(name, options.data, options.out)
        print(text, flush=True)
        if options.write:
            write_section(options.write, name, text)


if __name__ == "__main__":
    if subprocess.run(["git", "rev-parse"], capture_output=True, check=False).returncode:
        sys.exit("run it in a checkout: the document names the commit")
    main()
