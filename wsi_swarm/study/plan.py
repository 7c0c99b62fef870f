"""The study file: cohorts, how they are dealt to nodes, learners, arms and repeats."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsi_swarm.errors import ConfigError
from wsi_swarm.study.dealing.plan import DealPlan
from wsi_swarm.study.types import ARMS, Arm
from wsi_swarm.swarm.config import TargetConfig  # noqa: TC001 (pydantic reads the annotation)

Share = Annotated[float, Field(gt=0, lt=1)]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Numbers = Annotated[tuple[int, ...], Field(strict=False, min_length=1)]
Settings = dict[str, int | float | bool | str]
SWEPT = ("patients", "nodes")
USUAL_NODES = 3


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class LearnerPlan(_Section):
    """A learner and how long it trains; ``settings`` and ``merge`` are those of ``run.toml``.

    Attributes
    ----------
    say
        One sentence for the reader.
    rounds, sync_steps
        Merges, and steps between two of them. A model trained alone takes as many steps without merges.
    """

    say: str = ""
    rounds: int = Field(default=10, ge=1, le=10_000)
    sync_steps: int = Field(default=20, ge=1, le=100_000)
    settings: Settings = Field(default_factory=dict)
    merge: dict[str, int | float | str] = Field(default_factory=lambda: {"rule": "mean"})


class ScenarioPlan(_Section):
    """How nodes and test patients are chosen.

    Attributes
    ----------
    say
        One sentence for the reader.
    train
        Cohorts whose patients train.
    test
        Cohorts that nobody trains on, or the share of patients held out anew in each repeat.
    how, nodes, sizes, prevalence, patients, test_prevalence
        See ``deal_plan.DealPlan``; ``nodes`` is 3 unless said or given by ``sizes`` or ``prevalence``.
    batch
        Column of the clinical tables that names the laboratory or study, for ``how = "batch"``.
    sweep
        ``patients`` or ``nodes`` by a list of numbers: the scenario is done once for each, and drawn as one figure.
    late
        Nodes that join only from a round on, counted from 0.
    learners, arms
        Those of the study to use; empty for all.
    repeats
        In place of the study's.
    """

    say: str = ""
    train: tuple[str, ...] = Field(min_length=1, strict=False)
    test: Share | Names
    how: Literal["cohorts", "even", "prevalence", "sizes", "shape", "batch"] = "cohorts"
    batch: str = ""
    nodes: int = Field(default=0, ge=0, le=256)
    sizes: tuple[Share, ...] = Field(default=(), strict=False)
    prevalence: tuple[Share, ...] = Field(default=(), strict=False)
    patients: int | None = Field(default=None, ge=2)
    test_prevalence: Share | None = None
    sweep: dict[str, Numbers] = Field(default_factory=dict[str, Numbers], max_length=1)
    late: dict[str, int] = Field(default_factory=dict)
    learners: tuple[str, ...] = Field(default=(), strict=False)
    arms: tuple[Arm, ...] = Field(default=ARMS, strict=False, min_length=1)
    repeats: int | None = Field(default=None, ge=1, le=1000)

    @property
    def cohorts(self) -> tuple[str, ...]:
        """Names of all cohorts that it reads."""
        return (*self.train, *(self.test if isinstance(self.test, tuple) else ()))

    @property
    def dealing(self) -> DealPlan:
        """How patients are dealt."""
        return DealPlan(
            train=self.train,
            test=self.test,
            how=self.how,
            nodes=0 if self.how == "cohorts" else self.nodes or len(self.sizes or self.prevalence) or USUAL_NODES,
            sizes=self.sizes,
            prevalence=self.prevalence,
            patients=self.patients,
            test_prevalence=self.test_prevalence,
        )


class RealPlan(_Section):
    """Which configuration is repeated with real nodes, sockets and a chain."""

    scenario: str
    learner: str
    arm: Literal["swarm basic", "swarm weighted"] = "swarm weighted"


class Study(_Section):
    """A whole study file.

    Attributes
    ----------
    metric
        On which the verdicts are made.
    margin
        By how much the swarm may stay below merged data and still count as having reached it.
    cohorts
        By name: ``kind`` and what that kind of source takes (``wsi_swarm.study.sources``).
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    title: str
    question: str
    notes: tuple[str, ...] = Field(default=(), strict=False)
    seed: int = Field(default=1, ge=0, lt=2**31)
    repeats: int = Field(default=5, ge=1, le=1000)
    metric: Literal["auroc", "accuracy"] = "auroc"
    margin: float = Field(default=0.02, ge=0, lt=0.5)
    targets: tuple[TargetConfig, ...] = Field(min_length=1, strict=False)
    cohorts: dict[str, dict[str, Any]] = Field(min_length=1)
    learners: dict[str, LearnerPlan] = Field(min_length=1)
    scenarios: dict[str, ScenarioPlan] = Field(min_length=1)
    real: RealPlan | None = None

    @model_validator(mode="after")
    def _fits_together(self) -> Study:
        for name, scenario in self.scenarios.items():
            for cohort in scenario.cohorts:
                if cohort not in self.cohorts:
                    msg = f"scenario '{name}' names the cohort '{cohort}'; known are {', '.join(self.cohorts)}"
                    raise ValueError(msg)
            for learner in scenario.learners:
                if learner not in self.learners:
                    msg = f"scenario '{name}' names the learner '{learner}'; known are {', '.join(self.learners)}"
                    raise ValueError(msg)
            if not scenario.sweep.keys() <= set(SWEPT):
                msg = f"scenario '{name}': sweep takes {' or '.join(SWEPT)}, not {', '.join(scenario.sweep)}"
                raise ValueError(msg)
        for one, _, _ in self.unfolded().values():
            _ = one.dealing
        if self.real and (self.real.scenario not in self.unfolded() or self.real.learner not in self.learners):
            msg = f"[real] names scenario '{self.real.scenario}' and learner '{self.real.learner}', which are not there"
            raise ValueError(msg)
        return self

    def with_repeats(self, repeats: int) -> Study:
        """Return the study with so many repeats of everything."""
        scenarios = {name: one.model_copy(update={"repeats": None}) for name, one in self.scenarios.items()}
        return self.model_copy(update={"repeats": repeats, "scenarios": scenarios})

    def unfolded(self) -> dict[str, tuple[ScenarioPlan, str, float | None]]:
        """Return scenarios by name with their figure's group and place in it; a sweep becomes one for each number."""
        found: dict[str, tuple[ScenarioPlan, str, float | None]] = {}
        for name, scenario in self.scenarios.items():
            if not scenario.sweep:
                found[name] = (scenario, "", None)
            for field, values in scenario.sweep.items():
                for value in values:
                    one = scenario.model_copy(update={field: value, "sweep": {}})
                    found[f"{name}, {value} {field}"] = (one, f"{name}: {field}", float(value))
        return found

    def learners_of(self, scenario: ScenarioPlan) -> dict[str, LearnerPlan]:
        """Return the learners that a scenario uses."""
        return {name: self.learners[name] for name in scenario.learners or self.learners}


def read_study(name: str) -> Study:
    """Read a study file, or one that comes with the software, by its name.

    Raises
    ------
    ConfigError
        If there is no such file or study, or it is not as described here; with the place of the mistake.
    """
    path = Path(name)
    known = own_studies()
    if not path.is_file() and name not in known:
        msg = f"{name} is neither a file nor one of the studies that come with wsi-swarm ({', '.join(known)})"
        raise ConfigError(msg)
    text = path.read_text(encoding="utf-8") if path.is_file() else known[name]
    try:
        return Study.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        msg = f"{name}: {error}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"{name}: {'.'.join(map(str, first['loc'])) or 'the study'}: {first['msg']}"
        raise ConfigError(msg) from error


def own_studies() -> dict[str, str]:
    """Return the text of the studies that come with the software, by name."""
    folder = files("wsi_swarm.study") / "plans"
    texts = {one.name.removesuffix(".toml"): one.read_text("utf-8") for one in folder.iterdir()}
    return dict(sorted(texts.items()))
