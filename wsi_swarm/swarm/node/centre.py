"""What one centre's node is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.learner import Learner
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.base import Ledger, LedgerReader
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.node.checkpoint import Checkpoint
    from wsi_swarm.swarm.state.encoding import FixedState


@dataclass(frozen=True)
class Centre:
    """Everything that a node does not make itself.

    Attributes
    ----------
    reader, ledger
        Two views of the contract: one polls while a transaction of the other is waiting for its block.
    initial
        The whole state from which the run starts; None if this centre has to fetch it from the others.
    bind
        Address to listen on.
    say
        Takes one line for a person.
    save_final
        Takes the finished run's model.
    socks
        HOST:PORT of a SOCKS proxy through which peers are dialled; empty for none.
    """

    config: RunConfig
    identity: Identity
    federation: Federation
    reader: LedgerReader
    ledger: Ledger
    learner: Learner
    initial: FixedState | None
    checkpoint: Checkpoint
    run: int
    bind: str
    say: Callable[[str], None]
    save_final: Callable[[FixedState], None]
    socks: str = ""
