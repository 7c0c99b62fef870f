"""How patients are dealt to nodes: a plan that refuses to contradict itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from pipelines.errors import ConfigError

How = Literal["cohorts", "even", "prevalence", "sizes", "shape", "batch"]
NEEDS: dict[How, tuple[bool, bool]] = {
    "cohorts": (False, False),
    "even": (False, False),
    "prevalence": (False, True),
    "sizes": (True, False),
    "shape": (True, True),
    "batch": (False, False),
}
"""Whether each way needs ``sizes`` and ``prevalence``; what it does not need may not be given."""


@dataclass(frozen=True)
class DealPlan:
    """How patients are dealt.

    Attributes
    ----------
    train
        Cohorts that are trained on.
    test
        Share of their patients that is held out, by label and cohort; or cohorts that are never trained on.
    how
        ``cohorts``: each is a node. ``even``: nodes of equal size and prevalence. ``sizes``: of given size shares and
        equal prevalence. ``prevalence``: of equal size and given case shares. ``shape``: both given; as many patients
        are used as fit. ``batch``: whole batches to nodes of about equal size; the held-out share is drawn before, from
        all batches.
    nodes
        How many; 0 for ``cohorts``, which says it itself.
    sizes
        Size shares by node, of any sum.
    prevalence
        Share of cases by node, between 0 and 1.
    patients
        Most patients of a node. The smaller set of a seed is part of the larger one, with the node's prevalence.
    test_prevalence
        Share of cases to which the test set is thinned out at random.
    """

    train: tuple[str, ...]
    test: float | tuple[str, ...]
    how: How
    nodes: int = 0
    sizes: tuple[float, ...] = ()
    prevalence: tuple[float, ...] = ()
    patients: int | None = None
    test_prevalence: float | None = None

    def __post_init__(self) -> None:
        """Refuse a plan that contradicts itself."""
        fault = self._fault()
        if fault:
            raise ConfigError(fault)

    def _fault(self) -> str:
        if self.how not in get_args(How):
            return f"how = {self.how!r} is no way to deal; take one of {', '.join(get_args(How))}"
        if not self.train or len(set(self.train)) < len(self.train):
            return f"train = {list(self.train)} has to name at least one cohort, and each once"
        if isinstance(self.test, float) and not 0 < self.test < 1:
            return f"test = {self.test} is no share of patients; give one between 0 and 1, or names of cohorts"
        if isinstance(self.test, tuple) and (not self.test or set(self.test) & set(self.train)):
            return f"test = {list(self.test)} has to name at least one cohort, and none of train"
        if self.how == "cohorts" and self.nodes not in {0, len(self.train)}:
            return f"nodes = {self.nodes} contradicts the {len(self.train)} cohorts of train, each a node; leave it out"
        if self.how != "cohorts" and self.nodes < 2:
            return f"nodes = {self.nodes} is too few for how = {self.how!r}; a swarm has at least 2"
        for name, needed in zip(("sizes", "prevalence"), NEEDS[self.how], strict=True):
            given: tuple[float, ...] = getattr(self, name)
            if len(given) != self.nodes * needed:
                wanted = f"{self.nodes} numbers, one by node" if needed else f"no {name}"
                return f"how = {self.how!r} with {self.nodes} nodes needs {wanted}; {name} has {len(given)}"
            if min(given, default=0.5) <= 0 or (name == "prevalence" and max(given, default=0.5) >= 1):
                return f"{name} = {list(given)}: each has to be above 0" + (" and below 1" * (name == "prevalence"))
        if self.patients is not None and self.patients < 2:
            return f"patients = {self.patients} is too small a cap: a node needs a case and a control"
        if self.test_prevalence is not None and not 0 < self.test_prevalence < 1:
            return f"test_prevalence = {self.test_prevalence} is no share of cases between 0 and 1"
        return ""
