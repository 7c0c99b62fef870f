"""How every model of a comparison is trained: one recipe, so that only data and merge differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from models.mil_learner import Hyperparameters, MilLearner, spec_for
from models.model_file import Model
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig, Timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.cohort import Cohort
    from models.learner import State
    from models.model_file import ModelSpec


@dataclass(frozen=True)
class Recipe:
    """Rounds and steps that every model takes, alone, merged or in the swarm.

    Attributes
    ----------
    rounds : merges of a swarm; a model trained alone takes as many rounds without merging.
    steps : mini-batches between two merges. All centres take the same number, whatever their size.
    seed : of first weights and of every choice in training.
    hidden, attention : widths of the network.
    fraction_bits : of the fixed point in which a swarm merges.
    """

    rounds: int = 10
    steps: int = 20
    seed: int = 7
    hidden: int = 128
    attention: int = 64
    fraction_bits: int = 24
    hyperparameters: Hyperparameters = field(default_factory=Hyperparameters)

    def describe(self) -> dict[str, Any]:
        """Return the recipe as JSON values."""
        return asdict(self)

    def spec(self, cohort: Cohort) -> ModelSpec:
        """Return the network that fits a cohort's features and targets."""
        return spec_for(cohort, self.hidden, self.attention)

    def run_config(self, cohort: Cohort, weighted: bool, waits: Timeouts | None = None) -> RunConfig:
        """Return the configuration that the centres of a swarm agree on, from all their patients' labels.

        Parameters
        ----------
        waits : deadlines; None, where nobody waits, for those of a run configuration that names none.
        """
        return RunConfig(
            name="swarm-weighted" if weighted else "swarm-basic",
            targets=tuple(TargetConfig(name=t.name, positive=t.positive, negative=t.negative) for t in cohort.targets),
            features=FeatureConfig(**asdict(cohort.kind)),
            learner={"hidden": self.hidden, "attention": self.attention, **asdict(self.hyperparameters)},
            rounds=self.rounds,
            sync_steps=self.steps,
            weighting="patients" if weighted else "equal",
            seed=self.seed,
            fraction_bits=self.fraction_bits,
            timeouts=waits or Timeouts(),
        )

    def learner(self, cohort: Cohort) -> MilLearner:
        """Return a centre's learner."""
        return MilLearner(cohort, self.spec(cohort), self.hyperparameters)

    def model(self, cohort: Cohort, state: State, arm: str, learners: Sequence[MilLearner]) -> Model:
        """Return trained weights as a model that says how it was made, without naming patients or places."""
        return Model(state, replace(self.spec(cohort), provenance=self.provenance(arm, learners)))

    def provenance(self, arm: str, learners: Sequence[MilLearner]) -> dict[str, Any]:
        """Return all that the weights follow from: the same provenance means the same model."""
        return {
            "software": f"wsi-swarm {version('wsi-swarm')}",
            "torch": version("torch"),
            "arm": arm,
            "recipe": self.describe(),
            "data": [{"tiles_and_labels_sha256": one.data_sha256(), "patients": one.n_patients} for one in learners],
        }
