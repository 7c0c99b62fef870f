"""Re-deriving a run: commitment -> update -> merge -> root on the chain, round by round, from what this centre kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wsi_swarm.errors import IntegrityError, SwarmError
from wsi_swarm.swarm.ledger.base import Committed, Enrolled, Event, Final, MemberAdded, MemberReplaced, Void
from wsi_swarm.swarm.ledger.typed_data import commitment
from wsi_swarm.swarm.merge.whole import Contribution, MergePlan, merge, model_of, unpack_loss
from wsi_swarm.swarm.state.chunks import root_of
from wsi_swarm.swarm.state.update import unpack_update

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.swarm.ledger.base import LedgerReader, RunState
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.state.encoding import FixedState

Verdict = Literal["verified", "void", "not kept", "failed"]


@dataclass(frozen=True, slots=True)
class RoundAudit:
    """What the audit found of one round.

    Attributes
    ----------
    contributors
        Accounts, sorted.
    reason
        One sentence where the verdict is "failed" or "not kept".
    """

    round: int
    verdict: Verdict
    contributors: tuple[str, ...]
    root: str
    reason: str = ""


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
    events, _ = reader.events()
    auditor = _Auditor(reader, run, checkpoint, plan, account, events)
    return auditor.audit()


class _Auditor:
    def __init__(
        self,
        reader: LedgerReader,
        run: int,
        checkpoint: Checkpoint,
        plan: MergePlan,
        account: str,
        events: Sequence[Event],
    ) -> None:
        self._contract = reader.contract
        self._state: RunState = reader.run(run)
        self._run, self._checkpoint, self._plan = run, checkpoint, plan
        self._me = next((member.index for member in reader.members() if member.account == account), None)
        self._weights: dict[int, int] = {}
        self._commits: dict[tuple[int, int], tuple[str, bytes]] = {}  # with the account that the member had then
        accounts: dict[int, str] = {}
        self._ends: list[Final | Void] = []
        for event in events:
            match event:
                case MemberAdded() | MemberReplaced():
                    accounts[event.member] = event.account
                case Enrolled(run=run_) if run_ == run:
                    self._weights[event.member] = event.weight
                case Committed(run=run_) if run_ == run:
                    self._commits[event.round, event.member] = (accounts[event.member], event.commitment)
                case Final(run=run_) | Void(run=run_) if run_ == run:
                    self._ends.append(event)
                case _:
                    pass

    def audit(self) -> Audit:
        base_root = self._state.terms.base_root
        rounds: list[RoundAudit] = []
        for end in self._ends:
            if isinstance(end, Void):
                rounds.append(RoundAudit(end.round, "void", (), base_root.hex()))
                continue
            verdict, reason = self._check(end, base_root)
            who = tuple(sorted(self._commits[end.round, member][0] for member in end.contributors))
            rounds.append(RoundAudit(end.round, verdict, who, end.merged_root.hex(), reason))
            base_root = end.merged_root
        if base_root != self._state.base_root:
            text = "the final roots of the chain's events do not lead to the root in the chain's state"
            rounds.append(RoundAudit(self._state.round, "failed", (), self._state.base_root.hex(), text))
        return Audit(self._run, self._contract, self._state.terms.base_root.hex(), tuple(rounds))

    def _check(self, final: Final, base_root: bytes) -> tuple[Verdict, str]:
        try:
            base = self._checkpoint.model(base_root)
            if base is None:
                missing = f"the base model {base_root.hex()[:12]} is not kept here"
                return self._absent(final, missing)
            parts = [self._contribution(final, base, member) for member in sorted(final.contributors)]
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

    def _contribution(self, final: Final, base: FixedState, member: int) -> Contribution:
        account, committed = self._commits[final.round, member]
        kept = self._checkpoint.kept_update(final.round, account)
        if kept is None:
            msg = f"the update of {account} is not kept here"
            raise _NotKeptError(msg)
        found = commitment(
            account, self._contract, self._run, final.round, base.root, root_of(kept.blob), kept.flags, kept.salt
        )
        if found != committed:
            path = self._checkpoint.update_path(final.round, account)
            msg = f"the update of {account} is not what it committed to on the chain ({path} was changed or damaged)"
            raise IntegrityError(msg)
        delta = unpack_update(kept.blob, model_of(base))
        return Contribution(account, self._weights[member], delta, unpack_loss(kept.flags))


class _NotKeptError(SwarmError):
    """Something that an audit needs is not on this disk."""


def summary(audit: Audit, names: Mapping[str, str]) -> list[str]:
    """Return the audit as lines for a person; ``names`` gives labels by account."""
    lines: list[str] = []
    for found in audit.rounds:
        who = ", ".join(names.get(account, account) for account in found.contributors)
        line = f"round {found.round:>4}  {found.verdict:<9} {found.root[:12]}  {who}"
        lines.append(f"{line}  {found.reason}".rstrip())
    counts = {verdict: sum(one.verdict == verdict for one in audit.rounds) for verdict in ("verified", "not kept")}
    finals = sum(one.verdict != "void" for one in audit.rounds)
    if audit.passed:
        lines.append(
            f"run {audit.run}: {counts['verified']} of {finals} final rounds re-derived from the kept updates to the "
            "root on the chain" + (f", {counts['not kept']} not kept here" if counts["not kept"] else "")
        )
    return lines
