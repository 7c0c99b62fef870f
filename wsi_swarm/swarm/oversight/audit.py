"""Re-deriving a run: commitment -> update -> merge -> root on the chain, round by round, from what this centre kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.ledger.base import Final
from wsi_swarm.swarm.ledger.typed_data import commitment
from wsi_swarm.swarm.merge.whole import Contribution, MergePlan, merge, model_of, unpack_loss
from wsi_swarm.swarm.oversight.record import RoundRecord, record_of
from wsi_swarm.swarm.state.chunks import root_of
from wsi_swarm.swarm.state.update import unpack_update

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wsi_swarm.swarm.ledger.base import LedgerReader
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.state.encoding import FixedState

Verdict = Literal["verified", "void", "not kept", "failed"]


@dataclass(frozen=True, slots=True)
class UpdateAudit:
    """An update that is kept here and is what its member committed to; ``loss`` is what the member told."""

    account: str
    weight: int
    root: str
    bytes: int
    loss: float | None


@dataclass(frozen=True, slots=True)
class RoundAudit:
    """What the audit found of one round.

    Attributes
    ----------
    contributors
        Accounts, sorted.
    reason
        One sentence where the verdict is "failed" or "not kept".
    updates
        By account, those that could be checked.
    """

    round: int
    verdict: Verdict
    contributors: tuple[str, ...]
    root: str
    reason: str = ""
    updates: tuple[UpdateAudit, ...] = ()


@dataclass(frozen=True, slots=True)
class Audit:
    """What the audit found of a run."""

    run: int
    contract: str
    base_root: str
    rounds: tuple[RoundAudit, ...]

    @property
    def passed(self) -> bool:
        """Whether no round failed."""
        return all(found.verdict != "failed" for found in self.rounds)


def audit_run(reader: LedgerReader, run: int, checkpoint: Checkpoint, plan: MergePlan, account: str) -> Audit:
    """Check every round of a run.

    A round of which this centre keeps no update is "not kept" if it did not attest to it (it was away), and "failed"
    if it did: who attests has held them all.

    Parameters
    ----------
    reader
        The chain: what it says is the truth that the files are held against.
    plan
        The merge that the run's configuration agrees on.
    account
        This centre's.
    """
    return _Auditor(reader, run, checkpoint, plan, account).audit()


class _Auditor:
    def __init__(self, reader: LedgerReader, run: int, checkpoint: Checkpoint, plan: MergePlan, account: str) -> None:
        self._contract, self._state = reader.contract, reader.run(run)
        self._run, self._checkpoint, self._plan = run, checkpoint, plan
        self._me = next((member.index for member in reader.members() if member.account == account), None)
        self._record = record_of(reader.events()[0], run)
        self._updates: list[UpdateAudit] = []

    def audit(self) -> Audit:
        base_root = self._state.terms.base_root
        rounds: list[RoundAudit] = []
        for played in self._record.ended:
            final = played.end
            if not isinstance(final, Final):
                rounds.append(RoundAudit(played.round, "void", (), base_root.hex()))
                continue
            self._updates = []
            verdict, reason = self._check(played, final, base_root)
            who = tuple(sorted(played.commits[member].account for member in final.contributors))
            updates = tuple(sorted(self._updates, key=lambda one: one.account))
            rounds.append(RoundAudit(played.round, verdict, who, final.merged_root.hex(), reason, updates))
            base_root = final.merged_root
        if base_root != self._state.base_root:
            text = "the final roots of the chain's events do not lead to the root in the chain's state"
            rounds.append(RoundAudit(self._state.round, "failed", (), self._state.base_root.hex(), text))
        return Audit(self._run, self._contract, self._state.terms.base_root.hex(), tuple(rounds))

    def _check(self, played: RoundRecord, final: Final, base_root: bytes) -> tuple[Verdict, str]:
        if played.commits_hash != final.commits_hash:
            return "failed", "the chain node shows other commitments than those that the contract hashed"
        try:
            base = self._checkpoint.model(base_root)
            if base is None:
                missing = f"the base model {base_root.hex()[:12]} is not kept here"
                return self._absent(final, missing)
            parts = [self._contribution(played, base, member) for member in sorted(final.contributors)]
            merged = merge(base, parts, self._plan)
        except _NotKeptError as error:
            return self._absent(final, str(error))
        except IntegrityError as error:
            return "failed", str(error)
        if merged.root != final.merged_root:
            text = f"the merge of the kept updates gives {merged.root.hex()}, the chain says {final.merged_root.hex()}"
            return "failed", text
        return "verified", ""

    def _absent(self, final: Final, what: str) -> tuple[Verdict, str]:
        if self._me in final.attesters:
            return "failed", f"{what}, though this centre attested to the round"
        return "not kept", what

    def _contribution(self, played: RoundRecord, base: FixedState, member: int) -> Contribution:
        commit = played.commits[member]
        account, weight = commit.account, self._record.weights[member]
        kept = self._checkpoint.kept_update(played.round, account)
        if kept is None:
            msg = f"the update of {account} is not kept here"
            raise _NotKeptError(msg)
        root = root_of(kept.blob)
        found = commitment(account, self._contract, self._run, played.round, base.root, root, kept.flags, kept.salt)
        if found != commit.commitment:
            path = self._checkpoint.update_path(played.round, account)
            msg = f"the update of {account} is not what it committed to on the chain ({path} was changed or damaged)"
            raise IntegrityError(msg)
        loss = unpack_loss(kept.flags)
        self._updates.append(UpdateAudit(account, weight, root.hex(), len(kept.blob), loss))
        return Contribution(account, weight, unpack_update(kept.blob, model_of(base)), loss)


class _NotKeptError(SwarmError):
    """Something that an audit needs is not on this disk."""


def summary(audit: Audit, names: Mapping[str, str]) -> list[str]:
    """Return the audit as lines for a person; ``names`` gives labels by account."""
    lines: list[str] = []
    for found in audit.rounds:
        who = ", ".join(sorted(names.get(account, account) for account in found.contributors))
        line = f"round {found.round:>4}  {found.verdict:<9} {found.root[:12]}  {who}"
        reason = found.reason
        for account, name in names.items():
            reason = reason.replace(account, name)
        lines.append(f"{line}  {reason}".rstrip())
    counts = {verdict: sum(one.verdict == verdict for one in audit.rounds) for verdict in ("verified", "not kept")}
    finals = sum(one.verdict != "void" for one in audit.rounds)
    if audit.passed:
        lines.append(
            f"run {audit.run}: {counts['verified']} of {finals} final rounds re-derived from the kept updates to the "
            "root on the chain" + (f", {counts['not kept']} not kept here" if counts["not kept"] else "")
        )
    return lines
