"""A swarm played by hand on the pure model of the contract: real updates, commitments, merges and attestations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pytest

from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import Candidate, Equivocation, RunTerms
from wsi_swarm.swarm.ledger.federation import Federation, FederationMember, FederationRun
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.state.chunks import manifest_of, root_of
from wsi_swarm.swarm.state.encoding import FixedState, encode
from wsi_swarm.swarm.state.update import pack_update, unpack_update

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CHAIN_ID = 1337
NAMES = ("centre-a", "centre-b", "centre-c", "centre-d")


def endpoint(who: int) -> str:
    return f"tcp://10.0.0.{who + 1}:5101"


@dataclass
class Played:
    """What happened; ``checkpoint`` is that of member 0."""

    folder: Path
    plan: whole.MergePlan = field(default_factory=whole.MergePlan)
    members: int = 3
    rounds: int = 9
    bits: int = 32
    committee: int = 0

    def __post_init__(self) -> None:
        self.now = 1_760_000_000
        self.keys = [bytes(31) + bytes([who + 1]) for who in range(self.members + 1)]
        accounts = [td.account_of(key) for key in self.keys]
        founders = [
            Candidate(account, key[::-1], td.endpoint_hash(endpoint(who)))
            for who, (account, key) in enumerate(zip(accounts[: self.members], self.keys, strict=False))
        ]
        self.contract = ContractModel(founders, 7 * 24 * 3600, lambda: self.now, CHAIN_ID)
        self.ledgers = [ModelLedger(self.contract, account) for account in accounts]
        self.federation = Federation(
            CHAIN_ID,
            self.contract.address,
            b"c" * 32,
            0,
            tuple(
                FederationMember(name, account, key[::-1], endpoint(who))
                for who, (name, account, key) in enumerate(zip(NAMES, accounts, self.keys, strict=False))
            ),
            runs=(FederationRun("msi-2026", b"h" * 32),),
        )
        state = {
            "layer.weight": np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4),
            "bias": np.zeros(3, np.float32),
        }
        self.base = whole.start(encode(state, 24), self.plan)
        terms = RunTerms(b"h" * 32, self.base.root, self.rounds, 2, 60, 60, 60, 500, self.committee)
        number = self.ledgers[0].propose_run(terms)
        for ledger in self.ledgers[1 : self.members // 2 + 1]:
            ledger.vote(number, yes=True)
        for weight, ledger in enumerate(self.ledgers[: self.members], 100):
            ledger.enrol(1, weight)
        self.checkpoint = Checkpoint(self.folder, self.contract.address, 1)
        self.checkpoint.keep_model(self.base)

    @property
    def state(self):
        return self.contract.run_state(1)

    def update(self, who: int, round_: int) -> bytes:
        model = whole.model_of(self.base)
        noise = np.random.default_rng(1000 * round_ + who).integers(-(2**18), 2**18, model.layout.size)
        return pack_update(FixedState(model.layout, noise.astype(np.int32)), self.bits, None)[0]

    def commit(self, members: Sequence[int]) -> dict[int, tuple[bytes, int, bytes]]:
        """Commit as these members; return each one's update, flags and salt."""
        run, told = self.state, {}
        for who in members:
            self.now += 1
            blob, flags = self.update(who, run.round), whole.pack_loss(1.0 / (run.round + who + 1))
            salt = bytes([who + 1]) * 32
            ledger = self.ledgers[who]
            hash_ = td.commitment(
                ledger.account, ledger.contract, 1, run.round, run.base_root, root_of(blob), flags, salt
            )
            ledger.commit(1, run.round, hash_)
            told[who] = blob, flags, salt
        return told

    def merge(self, told: dict[int, tuple[bytes, int, bytes]], kept: bool = True) -> FixedState:
        """Merge the updates, and keep them as member 0's node does."""
        run, parts = self.state, []
        for who, (blob, flags, salt) in told.items():
            account = self.ledgers[who].account
            delta = unpack_update(blob, whole.model_of(self.base))
            parts.append(whole.Contribution(account, run.weights[who], delta, whole.unpack_loss(flags)))
            if kept:
                self.checkpoint.keep_update(run.round, account, _Reveal(flags, salt, manifest_of(blob)), blob)
        return whole.merge(self.base, parts, self.plan)

    def digest(self, contributors: frozenset[int], root: bytes) -> bytes:
        run, ledger = self.state, self.ledgers[0]
        return td.attest_digest(
            CHAIN_ID, ledger.contract, 1, run.round, run.base_root, run.commits_hash, contributors, root
        )

    def final(self, members: Sequence[int] | None = None, leave_out: Sequence[int] = (), kept: bool = True) -> None:
        """Play one round to its final result; members that ``leave_out`` names commit and are not merged."""
        members = range(self.members) if members is None else members
        told = self.commit(members)
        if self.state.phase.name == "COMMIT":
            self.now = self.state.commit_deadline
        merged = self.merge({who: one for who, one in told.items() if who not in leave_out}, kept)
        contributors = frozenset(told) - frozenset(leave_out)
        digest = self.digest(contributors, merged.root)
        attesters = sorted(self.state.committee - set(leave_out))
        signatures = {who: td.sign(self.keys[who], digest) for who in attesters}
        self.now += 5
        self.ledgers[0].finalise(1, self.state.round, contributors, merged.root, signatures)
        self.base = merged
        if kept:
            self.checkpoint.keep_model(merged)

    def void(self, members: Sequence[int] = ()) -> None:
        """Play one round that gets no result in time."""
        self.commit(members)
        run = self.state
        self.now = run.commit_deadline + (run.terms.attest_seconds if len(members) >= run.terms.min_peers else 0)
        self.ledgers[0].poke(1)

    def rejected(self) -> None:
        """Play one round that all reject who are expected in it."""
        self.commit(sorted(self.state.expected))
        for ledger in self.ledgers[: self.members]:
            ledger.reject(1, self.state.round)
            if self.state.phase.name == "OVERDUE":
                break
        self.ledgers[0].poke(1)

    def strike(self, who: int) -> None:
        """Let a member sign two roots in the round that is going on, and report it."""
        run, contributors = self.state, frozenset(range(self.members))
        roots = b"x" * 32, b"y" * 32
        first, second = (td.sign(self.keys[who], self.digest(contributors, root)) for root in roots)
        proof = Equivocation(
            run.round, run.base_root, run.commits_hash, contributors, roots[0], first, roots[1], second
        )
        self.ledgers[0].report_equivocation(1, proof)


@dataclass
class _Reveal:
    """What a checkpoint takes of a reveal."""

    flags: int
    salt: bytes
    manifest: object


@pytest.fixture
def played(tmp_path) -> Played:
    """Three members in their first round."""
    return Played(tmp_path)
