"""Multi-Krum: the mean of the updates that lie closest to their neighbours.

Blanchard et al., "Machine Learning with Adversaries: Byzantine Tolerant Gradient Descent", NeurIPS 2017, with
``m = n - faulty``. Breakdown point: it takes ``2 * faulty + 3`` members, so that one liar needs five; with fewer the
liars among a member's neighbours may outvote the honest ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from wsi_swarm.swarm.merge.arithmetic import exact_gram
from wsi_swarm.swarm.merge.mean import Mean
from wsi_swarm.swarm.merge.robust import Robust

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wsi_swarm.swarm.merge.contribution import Contribution
    from wsi_swarm.swarm.merge.rules import Memory
    from wsi_swarm.swarm.state.encoding import FixedState


@dataclass(frozen=True)
class MultiKrum(Robust):
    """``model + mean`` of the ``n - faulty`` updates of the lowest score.

    The score of an update is the sum of its ``n - faulty - 2`` smallest squared distances to others, in exact
    integers; of equal scores the member that is sorted first is taken.
    """

    name: ClassVar[str] = "multi_krum"
    beyond: ClassVar[int] = 3

    def merge(
        self, model: FixedState, contributions: Sequence[Contribution], memory: Memory
    ) -> tuple[FixedState, Memory]:
        """Return the merged model; see ``rules.Rule``."""
        return Mean().merge(model, self.chosen(contributions), memory)

    def chosen(self, contributions: Sequence[Contribution]) -> list[Contribution]:
        """Return the contributions that count, sorted by member as they came."""
        gram, n = exact_gram([one.delta.values for one in contributions]), len(contributions)
        scores: list[int] = []
        for i in range(n):
            distances = sorted(gram[i][i] - 2 * gram[i][j] + gram[j][j] for j in range(n) if j != i)
            scores.append(sum(distances[: n - self.faulty - 2]))
        best = sorted(range(n), key=lambda i: (scores[i], contributions[i].member))[: n - self.faulty]
        return [contributions[i] for i in sorted(best)]
