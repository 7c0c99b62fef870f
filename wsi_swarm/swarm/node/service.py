"""A centre's node as a process: find or await the run, take part, end on a signal."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

from wsi_swarm.swarm.identity import JOURNAL
from wsi_swarm.swarm.ledger.base import RunState
from wsi_swarm.swarm.ledger.evm import EvmLedger, EvmReader
from wsi_swarm.swarm.ledger.rpc_client import RpcClient
from wsi_swarm.swarm.merge.whole import model_of
from wsi_swarm.swarm.node.centre import Centre
from wsi_swarm.swarm.node.checkpoint import Checkpoint
from wsi_swarm.swarm.node.learning import final_model, initial_model
from wsi_swarm.swarm.node.node import POLL_S, Node
from wsi_swarm.swarm.node.patience import Patience
from wsi_swarm.swarm.node.runs import find_run, vote_for_wanted
from wsi_swarm.swarm.state.encoding import decode

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.learner import Learner
    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.node.runs import OpenVote
    from wsi_swarm.swarm.state.encoding import FixedState


class Service:
    """One centre taking part in one run.

    Parameters
    ----------
    config, identity, federation
        What the centre holds.
    folder
        Of the identity.
    state
        Folder of the checkpoints.
    rpc
        URL of the chain's node.
    bind
        Address to listen on.
    learner
        The centre's data.
    say
        Takes lines for a person.
    start_model
        File of the model that the run starts from, if it starts from one and this centre has it.
    socks
        HOST:PORT of a SOCKS proxy through which peers are dialled; empty for none.
    """

    def __init__(
        self,
        config: RunConfig,
        identity: Identity,
        federation: Federation,
        folder: Path,
        state: Path,
        rpc: str,
        bind: str,
        learner: Learner,
        say: Callable[[str], None],
        start_model: Path | None = None,
        socks: str = "",
    ) -> None:
        self._config, self._identity, self._federation = config, identity, federation
        self._state, self._bind, self._learner, self._say = state, bind, learner, say
        self._reader = EvmReader(RpcClient(rpc), federation)
        self._ledger = EvmLedger(RpcClient(rpc), federation, identity.key, folder / JOURNAL)
        self._socks = socks
        self._first = initial_model(config, start_model)
        self.result: tuple[Path, str] | None = None
        """Path and root of the finished model."""

    def run(self) -> tuple[Path, str]:
        """Take part until the run is finished; return path and root (hex) of the model.

        Raises
        ------
        KeyboardInterrupt
            On SIGINT or SIGTERM; everything that matters is on the disk.
        SwarmError
            As ``Node.run``.
        """
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError as error:
            raise KeyboardInterrupt from error
        assert self.result is not None  # noqa: S101 (a node ends in peace only after it saved the final model)
        return self.result

    async def _main(self) -> None:
        task = asyncio.current_task()
        if task is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.to_thread(self._try_learner)
        run = await self._await_run()
        checkpoint = Checkpoint(self._state, self._federation.contract, run)

        def save_final(model: FixedState) -> None:
            from models.model_file import save_model

            contract, chain_id = self._federation.contract, self._federation.chain_id
            state = decode(model_of(model))
            finished = final_model(self._config, state, chain_id, contract, run, model.root, self._learner)
            save_model(checkpoint.final_model, finished)
            self.result = (checkpoint.final_model, model.root.hex())
            self._say("the run is finished; serving the model until the other centres have it")

        centre = Centre(
            self._config,
            self._identity,
            self._federation,
            self._reader,
            self._ledger,
            self._learner,
            self._first,
            checkpoint,
            run,
            self._bind,
            self._say,
            save_final,
            self._socks,
        )
        await Node(centre).run()

    def _try_learner(self) -> None:
        """Train one step for nothing: what is slow only once, or does not work, is no concern of a round's deadline."""
        seed = self._config.seed
        self._learner.train(self._learner.initial_state(seed), 0, self._config.rounds, 1, seed)

    async def _await_run(self) -> int:
        # Without the file, a first state that is more than the model (merge.whole) is not known: a person votes then.
        base_root = self._first.root if self._first is not None else bytes.fromhex(self._config.start_root)
        wanted = self._config.terms(base_root)
        chain, told, waiting = Patience(self._say), set[int](), False

        def look() -> RunState | list[OpenVote]:
            state = find_run(self._reader, self._config.hash)
            return state if state is not None else vote_for_wanted(self._ledger, wanted)

        while True:
            looked = await chain.ask(look)
            if isinstance(looked, RunState):
                self._say(f"run {looked.run} of configuration {self._config.hash.hex()[:12]}")
                return looked.run
            for vote in looked or ():
                self._tell_of(vote, told)
            if not waiting:
                self._say("waiting for the run to be proposed ('wsi-swarm swarm start') and voted for")
                waiting = True
            await asyncio.sleep(2 * POLL_S)

    def _tell_of(self, vote: OpenVote, told: set[int]) -> None:
        number = vote.proposal.id
        if number not in told and vote.acceptable:
            self._say(f"voted yes on proposal {number}: it is this centre's run.toml")
        elif number not in told:
            self._say(
                f"proposal {number} has this configuration but other terms or another first model; "
                f"decide yourself: wsi-swarm swarm vote {number} yes|no"
            )
        told.add(number)
