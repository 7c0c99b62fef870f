"""All jobs of a study: what is done is kept, what is left is spread over processes."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pipelines.files import write_json
from pipelines.progress import progress
from wsi_swarm.study.job import run_job
from wsi_swarm.study.materials import make_material
from wsi_swarm.study.sources import left_out, load_source, refuse_shared_people
from wsi_swarm.study.sources.drawn_slides import DrawnSlidesOptions, draw_again
from wsi_swarm.study.sources.options import Place
from wsi_swarm.study.types import TableSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wsi_swarm.study.materials.base import Material
    from wsi_swarm.study.plan import LearnerPlan, ScenarioPlan, Study
    from wsi_swarm.study.types import Source


@dataclass(frozen=True)
class Job:
    """One repeat of one scenario with one learner.

    Attributes
    ----------
    group, x
        Figure that the scenario belongs to, and its place there.
    """

    scenario: str
    plan: ScenarioPlan
    group: str
    x: float | None
    learner: str
    how: LearnerPlan
    repeat: int


def jobs_of(study: Study) -> list[Job]:
    """Return the jobs of a study, scenario by scenario."""
    return [
        Job(name, plan, group, x, learner, how, repeat)
        for name, (plan, group, x) in study.unfolded().items()
        for learner, how in study.learners_of(plan).items()
        for repeat in range(plan.repeats or study.repeats)
    ]


class Runner:
    """Does a study's jobs in this process.

    Parameters
    ----------
    study
        The study.
    data
        Folder that the cohorts' paths begin at.
    out
        Folder of the results; ``cohorts`` and ``jobs`` in it are kept from run to run.
    """

    def __init__(self, study: Study, data: Path, out: Path) -> None:
        self.study, self.data, self.out = study, data, out
        self._sources: dict[str, Source] = {}
        self._materials: dict[tuple[object, ...], tuple[Material, str]] = {}

    def source(self, name: str) -> Source:
        """Return a cohort, made if need be."""
        if name not in self._sources:
            options = dict(self.study.cohorts[name])
            kind = str(options.pop("kind", "table"))
            work = self.out / "cohorts" / name
            self._sources[name] = load_source(name, kind, options, self.data, work, self.study.seed)
        return self._sources[name]

    def has_slides(self, cohort: str) -> bool:
        """Whether a cohort's slides can be looked at: those that were drawn can be drawn again."""
        return self.study.cohorts[cohort].get("kind") == "drawn_slides"

    def slide(self, cohort: str, patient: str) -> Path:
        """Return a patient's slide, drawn again if need be; only of a cohort that has slides."""
        options = {name: value for name, value in self.study.cohorts[cohort].items() if name != "kind"}
        place = Place(cohort, self.data, self.out / "cohorts" / cohort, self.study.seed)
        return draw_again(place, DrawnSlidesOptions.model_validate(options), [patient])[0]

    def left_out(self, cohort: str) -> tuple[str, ...]:
        """Return a sentence for each group of a cohort's patients that was left out."""
        return left_out(self.out / "cohorts" / cohort)

    def material(self, plan: ScenarioPlan) -> Material:
        """Return a scenario's patients."""
        return self._material(plan)[0]

    def _material(self, plan: ScenarioPlan) -> tuple[Material, str]:
        key = (*plan.cohorts, plan.batch)
        if key not in self._materials:
            sources = [self.source(name) for name in plan.cohorts]
            refuse_shared_people([one for one in sources if isinstance(one, TableSource)])
            made = make_material(sources, self.study.targets, plan.batch)
            self._materials = {key: (made, made.sha256())}  # one at a time: scenarios come in order, and may be large
        return self._materials[key]

    def seed(self, repeat: int) -> int:
        """Return the seed of a repeat: of its deal, first weights and training."""
        return self.study.seed * 1000 + repeat

    def makings(self, job: Job) -> dict[str, Any]:
        """Return all that a job's models follow from, as JSON values."""
        return {
            "software": version("wsi-swarm"),
            "data": self._material(job.plan)[1],
            "targets": [target.model_dump(mode="json") for target in self.study.targets],
            "scenario": job.plan.model_dump(mode="json", exclude={"say", "learners", "repeats", "sweep"}),
            "learner": job.how.model_dump(mode="json", exclude={"say"}),
            "seed": self.seed(job.repeat),
        }

    def key(self, job: Job) -> str:
        """Return a short hash of a job's makings: what is kept under it need not be made again."""
        return hashlib.sha256(json.dumps(self.makings(job), sort_keys=True).encode()).hexdigest()[:32]

    def do(self, job: Job) -> dict[str, Any]:
        """Return a job's outcome, from its file if it is there."""
        path = self.out / "jobs" / f"{self.key(job)}.json"
        if path.is_file():
            return json.loads(path.read_text("utf-8"))
        outcome = run_job(self.material(job.plan), self.study.targets, job.plan, job.how, self.seed(job.repeat))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {**self.makings(job), **outcome}, durable=False)
        return outcome


def place_of_real(study: Study, jobs: Sequence[Job]) -> int | None:
    """Return the place of the job that the study's ``[real]`` names, in its first repeat; None if it is not done."""
    if study.real is None:
        return None
    asked = (study.real.scenario, study.real.learner, 0)
    return next((n for n, job in enumerate(jobs) if (job.scenario, job.learner, job.repeat) == asked), None)


def do_all(study: Study, data: Path, out: Path, jobs: Sequence[Job], workers: int) -> list[dict[str, Any]]:
    """Return all jobs' outcomes in order; finished ones stay on the disk if this is interrupted."""
    here = Runner(study, data, out)
    for name in dict.fromkeys(n for job in jobs for n in job.plan.cohorts):
        here.source(name)  # made once, before several processes would each make it
    with progress(len(jobs), "study", "job") as bar:
        if workers < 2:
            outcomes = []
            for job in jobs:
                outcomes.append(here.do(job))
                bar.update()
            return outcomes
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, spawn, _begin, (study, data, out)) as pool:
            waiting = {pool.submit(_do, job): number for number, job in enumerate(jobs)}
            found: dict[int, dict[str, Any]] = {}
            try:
                for future in as_completed(waiting):
                    found[waiting[future]] = future.result()
                    bar.update()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    return [found[number] for number in range(len(jobs))]


_runner: Runner | None = None


def _begin(study: Study, data: Path, out: Path) -> None:
    import torch

    global _runner
    torch.set_num_threads(1)
    _runner = Runner(study, data, out)


def _do(job: Job) -> dict[str, Any]:
    assert _runner is not None  # noqa: S101 (set when the process began)
    return _runner.do(job)
