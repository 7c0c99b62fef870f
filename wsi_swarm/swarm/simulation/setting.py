"""The run that is simulated."""

from __future__ import annotations

from dataclasses import dataclass, field

from wsi_swarm.swarm.ledger.base import RunTerms
from wsi_swarm.swarm.merge.whole import MergePlan


@dataclass(frozen=True)
class Setting:
    """Members, rounds and timeouts; times in seconds.

    Attributes
    ----------
    members
        2 to 256.
    committee
        Members that merge and attest in each round; 0 for all.
    size
        Values of the model.
    poll_s
        Between two looks of a node at the chain.
    limit_s
        A simulation that is not over then is stuck.
    """

    members: int = 3
    rounds: int = 3
    min_peers: int = 2
    committee: int = 0
    merge: MergePlan = field(default_factory=MergePlan)
    update_bits: int = 32
    enrol_s: int = 10
    commit_s: int = 10
    reveal_s: int = 6
    attest_s: int = 8
    heartbeat_s: float = 1.0
    size: int = 40
    poll_s: float = 0.25
    limit_s: float = 900.0

    @property
    def deadline_s(self) -> int:
        """The longest that one round can take on chain: commit phase, reveal and attestation."""
        return self.commit_s + self.reveal_s + self.attest_s

    def terms(self, base_root: bytes) -> RunTerms:
        """Return what is put to the vote."""
        return RunTerms(
            config_hash=b"\1" * 32,
            base_root=base_root,
            rounds=self.rounds,
            min_peers=self.min_peers,
            enrol_seconds=self.enrol_s,
            commit_seconds=self.commit_s,
            attest_seconds=self.reveal_s + self.attest_s,
            max_weight=256,
            committee=self.committee,
        )
