"""The ledger on an EVM chain: reads, sends and decodes. Refuses a chain or contract that is not the federation's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from wsi_swarm.swarm.ledger import decode
from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.base import Final, Proposed
from wsi_swarm.swarm.ledger.errors import (
    AlreadyDoneError,
    LedgerError,
    NotAllowedError,
    NotNowError,
    WrongChainError,
    refusal,
)
from wsi_swarm.swarm.ledger.rpc_client import RevertedError
from wsi_swarm.swarm.ledger.sender import Sender
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS, attest_digest, bitmap, endpoint_hash, recover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wsi_swarm.swarm.ledger.base import Equivocation, Event, JoinRequest, Member, Proposal, RunState, RunTerms
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.ledger.rpc_client import RawLog, RawReceipt, RpcClient

LOG_RANGE = 5000
"""Blocks per eth_getLogs; many nodes refuse more."""
_GAS = {
    "proposeMember": 900_000,
    "proposeRemoval": 900_000,
    "proposeReplacement": 900_000,
    "resign": 150_000,
    "rotateKey": 150_000,
    "proposeRun": 1_200_000,
    "vote": 700_000,
    "enrol": 350_000,
    "leaveRun": 200_000,
    "commit": 150_000,
    "reject": 150_000,
    "reportEquivocation": 300_000,
    "finalise": 250_000,
    "poke": 200_000,
}
"""Limits with a margin of half and more over what was measured (docs/contracts.md): estimating would be a race."""
_GAS_PER_SIGNATURE = 15_000


class EvmReader:
    """The contract, as anybody may read it; satisfies ``LedgerReader``.

    Parameters
    ----------
    client : RpcClient
        The chain's node.
    federation : Federation
        Says which chain, contract and code are the swarm's.

    Raises
    ------
    WrongChainError
        The node is on another chain, or another code (or none) is at the contract's address.
    UnreachableError
        The node does not answer.
    """

    # What is read is the state at the newest final block: `Federation.confirmations` below the chain's head.

    def __init__(self, client: RpcClient, federation: Federation) -> None:
        self._client, self._federation = client, federation
        self._sender_address = ZERO_ADDRESS
        check_contract(client, federation)

    @property
    def chain_id(self) -> int:
        """EIP-155 chain id."""
        return self._federation.chain_id

    @property
    def contract(self) -> str:
        """Address of the contract."""
        return self._federation.contract

    def chain_time(self) -> int:
        """Return the chain's time in seconds."""
        return self._view("chainTime")

    def members(self) -> tuple[Member, ...]:
        """Return all members, past ones too, by index."""
        return decode.members(self._view("members"))

    def proposal_count(self) -> int:
        """Return the number of proposals."""
        return self._view("proposalCount")

    def proposal(self, proposal: int) -> Proposal:
        """Return a proposal."""
        return decode.proposal(proposal, self._view("proposal", proposal))

    def run_count(self) -> int:
        """Return the number of runs."""
        return self._view("runCount")

    def run(self, run: int) -> RunState:
        """Return the state of a run."""
        return decode.run_state(run, self._view("run", run))

    def commits(self, run: int, round_: int) -> Mapping[int, bytes]:
        """Return the commitments of a round by member index."""
        state = self.run(run)
        first = state.opened_block if round_ == state.round else self._federation.deployed_block
        return {
            int.from_bytes(log.topics[3]): log.data[:32]
            for log in self._logs((_topic("Committed"), run.to_bytes(32), round_.to_bytes(32)), first)
        }

    def events(self, since: int = 0) -> tuple[tuple[Event, ...], int]:
        """Return all events from block ``since`` on, in order, and the block to ask from next time."""
        last = self._final_block()
        return tuple(decode.event(log) for log in self._logs((), since, last)), max(since, last + 1)

    def _logs(self, topics: Sequence[bytes], first: int, last: int | None = None) -> list[RawLog]:
        last = self._final_block() if last is None else last
        found: list[RawLog] = []
        for start in range(max(first, self._federation.deployed_block), last + 1, LOG_RANGE):
            found += self._client.logs(self.contract, topics, start, min(start + LOG_RANGE - 1, last))
        return sorted(found, key=lambda log: (log.block, log.log_index))

    def _view(self, function: str, *arguments: object) -> Any:
        block = self._final_block() if self._federation.confirmations else None
        return decode.results(function, self._call(decode.call_data(function, *arguments), block))

    def _final_block(self) -> int:
        return max(self._client.head() - self._federation.confirmations, self._federation.deployed_block)

    def _call(self, data: bytes, block: int | None = None) -> bytes:
        try:
            return self._client.call(self._sender_address, self.contract, data, block)
        except RevertedError as error:
            raise decode.refused(error.data) from error


class EvmLedger(EvmReader):
    """One member's view of the contract; satisfies ``Ledger``.

    Parameters
    ----------
    client, federation
        See :class:`EvmReader`.
    key : bytes
        32 bytes, private key of the member's account.
    journal : Path
        File of the transactions under way. What it holds is broadcast again before anything else.
    max_fee_wei : int
        Price per gas that is offered; 0 where gas is free.

    Raises
    ------
    LedgerError
        The chain asks for gas money and none is offered.
    WrongChainError, UnreachableError
        See :class:`EvmReader`.
    """

    def __init__(
        self, client: RpcClient, federation: Federation, key: bytes, journal: Path, max_fee_wei: int = 0
    ) -> None:
        super().__init__(client, federation)
        check_fee(client, max_fee_wei)
        self._sender = Sender(client, key, federation.chain_id, journal, max_fee_wei, federation.confirmations)
        self._sender_address = self._sender.account
        self._sender.rebroadcast()

    @property
    def account(self) -> str:
        """Address that this ledger signs for."""
        return self._sender.account

    def propose_member(self, request: JoinRequest) -> int:
        """Propose to admit an applicant; return the proposal's id."""
        candidate = (request.account, request.curve_key, endpoint_hash(request.endpoint))
        return self._proposed(self._transact("proposeMember", candidate, request.expiry, request.signature))

    def propose_removal(self, member: int) -> int:
        """Propose to remove a member; return the proposal's id."""
        return self._proposed(self._transact("proposeRemoval", member))

    def propose_replacement(self, member: int, request: JoinRequest) -> int:
        """Propose that a member gets another account and keys; return the proposal's id."""
        candidate = (request.account, request.curve_key, endpoint_hash(request.endpoint))
        arguments = (member, candidate, request.expiry, request.signature)
        return self._proposed(self._transact("proposeReplacement", *arguments))

    def resign(self) -> None:
        """Stop being a member; a past member has."""
        try:
            self._transact("resign")
        except NotAllowedError:
            if self._index() < 0 or self.members()[self._index()].active:
                raise

    def rotate_key(self, curve_key: bytes, endpoint_hash: bytes) -> None:
        """Use another CURVE key or endpoint."""
        self._transact("rotateKey", curve_key, endpoint_hash)

    def propose_run(self, terms: RunTerms) -> int:
        """Propose to open a run; return the proposal's id."""
        return self._proposed(self._transact("proposeRun", _terms(terms)))

    def vote(self, proposal: int, yes: bool) -> None:
        """Vote; the vote that makes the majority also executes the proposal."""
        try:
            self._transact("vote", proposal, yes)
        except AlreadyDoneError:
            told = self.proposal(proposal)
            if self._index() not in (told.yes if yes else told.no):
                raise

    def enrol(self, run: int, weight: int) -> None:
        """Take part in the run from the next round on."""
        if not 0 < weight < 2**32:
            raise refusal("BadWeight")
        try:
            self._transact("enrol", run, weight)
        except AlreadyDoneError:
            if self._index() not in self.run(run).enrolled:
                raise

    def leave(self, run: int) -> None:
        """Take no part in the run any more."""
        try:
            self._transact("leaveRun", run)
        except AlreadyDoneError:
            if self._index() in self.run(run).enrolled:
                raise

    def commit(self, run: int, round_: int, commitment: bytes) -> None:
        """Commit to an update."""
        try:
            self._transact("commit", run, round_, commitment)
        except (AlreadyDoneError, NotNowError):
            if self.commits(run, round_).get(self._index()) != commitment:
                raise

    def finalise(
        self, run: int, round_: int, contributors: frozenset[int], merged_root: bytes, signatures: Mapping[int, bytes]
    ) -> None:
        """Submit a quorum of attestations; a result that is final already is success."""
        bundle = b"".join(signatures[member] for member in sorted(signatures))
        attesters = bitmap(frozenset(signatures))
        gas = _GAS["finalise"] + _GAS_PER_SIGNATURE * len(signatures)
        try:
            self._transact("finalise", run, round_, bitmap(contributors), merged_root, attesters, bundle, gas=gas)
        except NotNowError:
            logs = self._logs((_topic("Final"), run.to_bytes(32), round_.to_bytes(32)), 0)
            told = [event for event in map(decode.event, logs) if isinstance(event, Final)]
            if not any((e.contributors, e.merged_root) == (contributors, merged_root) for e in told):
                raise

    def reject(self, run: int, round_: int) -> None:
        """Say that this member will not attest in this round."""
        try:
            self._transact("reject", run, round_)
        except (AlreadyDoneError, NotNowError):
            topics = (_topic("Rejected"), run.to_bytes(32), round_.to_bytes(32), self._index().to_bytes(32))
            if not self._logs(topics, 0):
                raise

    def report_equivocation(self, run: int, proof: Equivocation) -> None:
        """Have the member that signed both roots struck from the run."""
        try:
            self._transact("reportEquivocation", run, equivocation_arguments(proof))
        except AlreadyDoneError:
            signed = (proof.round, proof.base_root, proof.commits_hash, proof.contributors, proof.root_a)
            liar = recover(attest_digest(self.chain_id, self.contract, run, *signed), proof.signature_a)
            if liar not in {member.account for member in self.members() if member.index in self.run(run).struck}:
                raise

    def poke(self, run: int) -> None:
        """Move a run on whose deadline has passed."""
        self._transact("poke", run)

    def _transact(self, function: str, *arguments: object, gas: int = 0) -> RawReceipt:
        """Try first (a refusal then costs nothing and has a reason), send, and ask for the reason if it fails.

        What is under way is not tried: it may have taken effect in a block that is not final.
        """
        data = decode.call_data(function, *arguments)
        intent = f"{function} 0x{data.hex()}"
        if not self._sender.is_under_way(intent):
            self._call(data)
        receipt = self._sender.send(intent, self.contract, data, gas or _GAS[function])
        if not receipt.succeeded:
            self._call(data)
            msg = f"The transaction {function} failed in block {receipt.block} and would succeed now; try again."
            raise LedgerError(msg)
        return receipt

    def _proposed(self, receipt: RawReceipt) -> int:
        events = [decode.event(log) for log in receipt.logs]
        return next(event.proposal for event in events if isinstance(event, Proposed))

    def _index(self) -> int:
        return next((member.index for member in self.members() if member.account == self.account), -1)


def check_contract(client: RpcClient, federation: Federation) -> None:
    """Raise ``WrongChainError`` unless the node serves exactly the federation's contract."""
    chain_id = client.chain_id()
    if chain_id != federation.chain_id:
        msg = f"The node at {client.url} is on chain {chain_id}, the federation is on chain {federation.chain_id}; "
        raise WrongChainError(msg + "give the URL of the right node.")
    code = client.code(federation.contract)
    if not code:
        msg = f"There is no contract at {federation.contract} on the chain of {client.url}; was the chain begun anew?"
        raise WrongChainError(msg)
    if keccak(code) != federation.code_hash or not load_artifact().is_code(code):
        msg = (
            f"The code at {federation.contract} is not the contract that the federation file pins and this version "
            "of wsi-swarm speaks to; ask the other centres for the federation file and the version they use."
        )
        raise WrongChainError(msg)


def check_fee(client: RpcClient, max_fee_wei: int) -> None:
    """Raise ``LedgerError`` if the chain asks for more than ``max_fee_wei`` per gas."""
    if client.base_fee() > max_fee_wei:
        msg = (
            f"The chain of {client.url} asks for gas money (base fee {client.base_fee()} wei); offer a price that "
            "covers it, or use a chain where gas is free."
        )
        raise LedgerError(msg)


def _topic(name: str) -> bytes:
    return next(topic for topic, shape in load_artifact().events.items() if shape.name == name)


def _terms(terms: RunTerms) -> tuple[object, ...]:
    counts = (terms.rounds, terms.min_peers, terms.enrol_seconds, terms.commit_seconds, terms.attest_seconds)
    if (
        any(not 0 < count < 2**32 for count in (*counts, terms.max_weight))
        or terms.min_peers >= 2**16
        or not 0 <= terms.committee < 2**16
    ):
        raise refusal("BadTerms")  # they would not even fit the call
    return (terms.config_hash, terms.base_root, *counts, terms.max_weight, terms.committee)


def equivocation_arguments(proof: Equivocation) -> tuple[object, ...]:
    """Return a proof as the contract's struct."""
    about = (proof.round, proof.base_root, proof.commits_hash, bitmap(proof.contributors))
    return (*about, proof.root_a, proof.signature_a, proof.root_b, proof.signature_b)
