"""From what a machine asks of the ledger to the ledger's call."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from wsi_swarm.swarm.protocol.events import Commit, Enrol, Finalise, LedgerAction, Poke, Reject, Report

if TYPE_CHECKING:
    from wsi_swarm.swarm.ledger.base import Ledger


def perform(ledger: Ledger, run: int, action: LedgerAction) -> None:
    """Make the call that ``action`` asks for.

    Raises
    ------
    LedgerError
        As the call does.
    """
    match action:
        case Enrol(weight):
            ledger.enrol(run, weight)
        case Commit(round_, commitment):
            ledger.commit(run, round_, commitment)
        case Finalise(round_, contributors, merged_root, signatures):
            ledger.finalise(run, round_, contributors, merged_root, signatures)
        case Reject(round_):
            ledger.reject(run, round_)
        case Report(proof):
            ledger.report_equivocation(run, proof)
        case Poke():
            ledger.poke(run)
        case _:
            assert_never(action)
