"""``wsi-swarm study run``: a study file to one report, tables, and a repetition with real nodes."""

from __future__ import annotations

import csv
import gzip
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from io import StringIO
from typing import TYPE_CHECKING, Any

from pipelines.files import write_bytes, write_json, write_text
from wsi_swarm.errors import IntegrityError
from wsi_swarm.study import results
from wsi_swarm.study.gallery import make_galleries
from wsi_swarm.study.job import dealt, run_config
from wsi_swarm.study.nodes.swarm import WAITS, run_nodes
from wsi_swarm.study.report.page import write_report
from wsi_swarm.study.runner import Runner, do_all, jobs_of, place_of_real
from wsi_swarm.study.types import RealNodes, SlideSource, Told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import pandas as pd

    from wsi_swarm.study.plan import Study
    from wsi_swarm.study.runner import Job
    from wsi_swarm.study.types import Source, Verdict


@dataclass(frozen=True)
class Done:
    """A finished study and its files."""

    rows: pd.DataFrame
    verdicts: list[Verdict]
    real: list[RealNodes]
    report: Path


def run_study(
    study: Study,
    data: Path,
    out: Path,
    workers: int = 1,
    only: Sequence[str] = (),
    real: bool = True,
    command: str = "wsi-swarm study run",
    say: Callable[[str], None] = lambda _: None,
) -> Done:
    """Do a study; finished jobs in ``out`` are kept.

    Parameters
    ----------
    study
        The study.
    data
        Folder that the cohorts' paths begin at.
    out
        Folder of the results: ``study.html``, ``results.csv``, ``results.json``, ``predictions.csv.gz``.
    workers
        Processes that train at once.
    only
        Names, or beginnings of names, of the scenarios to do; empty for all.
    real
        Whether the configuration that the study names is repeated with real nodes.
    command
        As the reader would call it.
    say
        Takes a line for a person.

    Raises
    ------
    ConfigError, InputError
        If study file or data are faulty.
    IntegrityError
        If real nodes end with another model than this process.
    """
    began = time.monotonic()
    jobs = [job for job in jobs_of(study) if not only or job.scenario.startswith(tuple(only))]
    outcomes = do_all(study, data, out, jobs, workers)
    rows, found = results.table(study, jobs, outcomes), results.judged(study, jobs, outcomes)
    runner = Runner(study, data, out)
    place = place_of_real(study, jobs)
    shown = {} if place is None else make_galleries(runner, jobs[place])
    repeated = [] if place is None or not real else [_with_real_nodes(runner, jobs[place], outcomes[place], say)]
    cohorts = dict.fromkeys(name for job in jobs for name in job.plan.cohorts)
    told = Told(
        study.name,
        study.title,
        study.question,
        tuple(" ".join([_cohort_line(runner.source(n), study), *runner.left_out(n)]) for n in cohorts),
        {job.scenario: _scenario_line(job, outcome) for job, outcome in zip(jobs, outcomes, strict=True)},
        {job.learner: job.how.say or job.learner for job in jobs},
        study.repeats,
        study.seed,
        command,
        f"wsi-swarm {version('wsi-swarm')}, torch {version('torch')}",
        round(time.monotonic() - began, 1),
        study.notes,
        shown,
    )
    text = StringIO()
    rows.to_csv(text, index=False, lineterminator="\n")
    write_text(out / "results.csv", text.getvalue())
    lines = StringIO()
    csv.writer(lines, lineterminator="\n").writerows(results.predictions(jobs, outcomes, study))
    write_bytes(out / "predictions.csv.gz", gzip.compress(lines.getvalue().encode(), mtime=0))
    report = write_report(out, told, rows, found, results.makes(jobs, outcomes), repeated)
    write_json(out / "results.json", document(study, found, repeated, report))
    return Done(rows, found, repeated, report)


def document(study: Study, found: Sequence[Verdict], repeated: Sequence[RealNodes], report: Path) -> dict[str, Any]:
    """Return what ``--json`` prints."""
    return {
        "study": study.name,
        "verdicts": [asdict(one) for one in found],
        "real_nodes": [asdict(one) for one in repeated],
        "report": report.name,
    }


def _with_real_nodes(runner: Runner, job: Job, outcome: dict[str, Any], say: Callable[[str], None]) -> RealNodes:
    wanted = runner.study.real
    assert wanted is not None  # noqa: S101 (the job was found by it)
    root = next(model["root"] for model in outcome["models"] if model["arm"] == wanted.arm)
    say(f"repeating {job.scenario}, {job.learner}, {wanted.arm} with real nodes, sockets and a chain")
    material, seed = runner.material(job.plan), runner.seed(job.repeat)
    nodes = {name.replace(" ", "-"): rows for name, rows in dealt(material, job.plan, seed).nodes.items()}
    folder = runner.out / "real-nodes"
    centres = {name: material.write_centre(rows, folder / "data" / name) for name, rows in nodes.items()}
    weighting = "patients" if wanted.arm == "swarm weighted" else "equal"
    config = run_config("study", runner.study.targets, job.how, material, weighting, seed)
    began = time.monotonic()
    swarm = run_nodes(folder / "swarm", centres, config.model_copy(update={"timeouts": WAITS}), say)
    if swarm.root != root:
        msg = f"real nodes ended with the root {swarm.root}, this process with {root}, of the same study; report it"
        raise IntegrityError(msg)
    seconds = round(time.monotonic() - began, 1)
    return RealNodes(
        job.scenario, job.learner, wanted.arm, job.repeat, root, swarm.root, len(nodes), swarm.rounds, seconds
    )


def _cohort_line(source: Source, study: Study) -> str:
    origin = "drawn, nobody ever had these diseases" if source.drawn else "real"
    if isinstance(source, SlideSource):
        return f"{source.name}: slides ({origin})"
    counts = []
    for target in study.targets:
        texts = source.clinical.get(target.name, ())
        of = {label: texts.count(label) for label in dict.fromkeys(texts) if label}
        counts.append(f"{target.name}: {', '.join(f'{count} {label}' for label, count in of.items())}")
    size = f"{len(source.patients)} patients, {len(source.columns)} columns"
    return f"{source.name}: {size}; {'; '.join(counts)} ({origin})"


def _scenario_line(job: Job, outcome: dict[str, Any]) -> str:
    nodes = len({make["node"] for make in outcome["makes"]})
    plan = job.plan
    test = " and ".join(plan.test) if isinstance(plan.test, tuple) else f"{plan.test:.0%} of the patients, drawn anew"
    how = {
        "cohorts": "each cohort is a node",
        "even": "patients dealt evenly",
        "prevalence": "equal sizes, other prevalences",
        "sizes": "other sizes, equal prevalence",
        "shape": "other sizes and prevalences",
        "batch": "whole laboratories or studies to one node",
    }[plan.how]
    late = "; " + ", ".join(f"{name} joins in round {at + 1}" for name, at in plan.late.items()) if plan.late else ""
    line = f"{nodes} nodes, {how}{late}; tested on {test} ({len(outcome['test']['patients'])} patients)."
    return f"{plan.say} {line}".strip()
