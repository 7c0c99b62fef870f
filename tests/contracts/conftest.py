"""The twin: the compiled contract on a real EVM and its pure model, driven side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_account import Account

from wsi_swarm.swarm.chain.engine import CallReverted, Engine, Receipt
from wsi_swarm.swarm.ledger import decode
from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.base import Candidate, Equivocation, Event, JoinRequest, RefusedError, RunTerms
from wsi_swarm.swarm.ledger.evm import equivocation_arguments
from wsi_swarm.swarm.ledger.model import ContractModel
from wsi_swarm.swarm.ledger.rpc_client import RawLog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CHAIN_ID = 1337
GENESIS = 1_000_000
VOTING_SECONDS = 1000


class Twin:
    """Each call goes to the model and to the EVM; both must give the same refusal, or the same events and state."""

    def __init__(self, founders: int, keys: int = 8, voting_seconds: int = VOTING_SECONDS) -> None:
        self.engine = Engine(CHAIN_ID, GENESIS)
        self.now = GENESIS + 1
        self.keys = [(i + 1).to_bytes(32) for i in range(keys)]
        self.accounts = [td.account_of(key) for key in self.keys]
        self._nonces = dict.fromkeys(self.accounts, 0)
        self.gas: list[tuple[str, int]] = []
        candidates = [self.candidate(i) for i in range(founders)]
        members = [(c.account, c.curve_key, c.endpoint_hash) for c in candidates]
        artifact = load_artifact()
        code = artifact.bytecode + encode(artifact.constructor, (members, td.ZERO_ADDRESS, voting_seconds))
        receipt = self._seal(0, b"", code, 40_000_000)
        assert receipt.succeeded
        assert receipt.created is not None
        self.gas.append(("deploy", receipt.gas_used))
        self.address = receipt.created
        self.contract = td.checksum_address(receipt.created)
        self.model = ContractModel(
            candidates, voting_seconds, lambda: self.now, CHAIN_ID, self.contract, block=self.engine.head.number
        )
        self._compare_events(receipt, 0)

    def candidate(self, who: int) -> Candidate:
        """Return what a person of this number would ask to join with."""
        return Candidate(self.accounts[who], (who + 1).to_bytes(32), td.endpoint_hash(f"tcp://h{who}:7000"))

    def request(self, who: int, expiry: int, *, forged: bool = False, curve_key: bytes | None = None) -> JoinRequest:
        """Return a signed join request; a forged one is signed by somebody else."""
        key = self.keys[who]
        curve_key = curve_key or self.candidate(who).curve_key
        request = td.sign_join_request(key, CHAIN_ID, self.contract, curve_key, f"tcp://h{who}:7000", expiry)
        if forged:
            digest = td.join_digest(
                CHAIN_ID, self.contract, request.account, curve_key, td.endpoint_hash(request.endpoint), expiry
            )
            request = replace(request, signature=td.sign(self.keys[who - 1], digest))
        return request

    def attest(self, run: int, contributors: frozenset[int], root: bytes, signers: frozenset[int]) -> dict[int, bytes]:
        """Return the signatures of the members ``signers`` over a result of the current round."""
        digest = self.digest(run, contributors, root)
        keys = dict(zip(self.accounts, self.keys, strict=True))
        return {m: td.sign(keys[self.model.member_list[m].account], digest) for m in signers}

    def digest(self, run: int, contributors: frozenset[int], root: bytes) -> bytes:
        """Return what is signed of a result of the current round."""
        state = self.model.run_state(run)
        where = (CHAIN_ID, self.contract, run, state.round, state.base_root, state.commits_hash)
        return td.attest_digest(*where, contributors, root)

    def equivocation(self, run: int, who: int, roots: tuple[bytes, bytes], other: int | None = None) -> Equivocation:
        """Return two signatures of a person (or of two) over two roots in the current round."""
        state, everybody = self.model.run_state(run), frozenset({0, 1, 2})
        signers = (who, who if other is None else other)
        a, b = (td.sign(self.keys[w], self.digest(run, everybody, r)) for w, r in zip(signers, roots, strict=True))
        return Equivocation(state.round, state.base_root, state.commits_hash, everybody, roots[0], a, roots[1], b)

    # Calls: each returns the refusal's code, or None -----------------------------------------------------

    def propose_member(self, who: int, request: JoinRequest) -> str | None:
        candidate = (request.account, request.curve_key, td.endpoint_hash(request.endpoint))
        arguments = ("proposeMember", candidate, request.expiry, request.signature)
        return self._both(who, arguments, lambda sender: self.model.propose_member(sender, request))

    def propose_removal(self, who: int, member: int) -> str | None:
        return self._both(who, ("proposeRemoval", member), lambda s: self.model.propose_removal(s, member))

    def propose_replacement(self, who: int, member: int, request: JoinRequest) -> str | None:
        candidate = (request.account, request.curve_key, td.endpoint_hash(request.endpoint))
        arguments = ("proposeReplacement", member, candidate, request.expiry, request.signature)
        return self._both(who, arguments, lambda s: self.model.propose_replacement(s, member, request))

    def resign(self, who: int) -> str | None:
        return self._both(who, ("resign",), lambda s: self.model.resign(s))

    def rotate_key(self, who: int, curve_key: bytes, endpoint_hash: bytes) -> str | None:
        arguments = ("rotateKey", curve_key, endpoint_hash)
        return self._both(who, arguments, lambda s: self.model.rotate_key(s, curve_key, endpoint_hash))

    def propose_run(self, who: int, terms: RunTerms) -> str | None:
        told = tuple(getattr(terms, name) for name in RunTerms.__slots__)
        return self._both(who, ("proposeRun", told), lambda s: self.model.propose_run(s, terms))

    def vote(self, who: int, proposal: int, yes: bool) -> str | None:
        return self._both(who, ("vote", proposal, yes), lambda s: self.model.vote(s, proposal, yes))

    def enrol(self, who: int, run: int, weight: int) -> str | None:
        return self._both(who, ("enrol", run, weight), lambda s: self.model.enrol(s, run, weight))

    def leave(self, who: int, run: int) -> str | None:
        return self._both(who, ("leaveRun", run), lambda s: self.model.leave(s, run))

    def reject(self, who: int, run: int, round_: int) -> str | None:
        return self._both(who, ("reject", run, round_), lambda s: self.model.reject(s, run, round_))

    def report(self, who: int, run: int, proof: Equivocation) -> str | None:
        arguments = ("reportEquivocation", run, equivocation_arguments(proof))
        return self._both(who, arguments, lambda s: self.model.report_equivocation(s, run, proof))

    def commit(self, who: int, run: int, round_: int, commitment: bytes) -> str | None:
        return self._both(
            who, ("commit", run, round_, commitment), lambda s: self.model.commit(s, run, round_, commitment)
        )

    def finalise(
        self, who: int, run: int, round_: int, contributors: frozenset[int], root: bytes, sigs: Mapping[int, bytes]
    ) -> str | None:
        bundle = b"".join(sigs[m] for m in sorted(sigs))
        arguments = ("finalise", run, round_, td.bitmap(contributors), root, td.bitmap(frozenset(sigs)), bundle)
        return self._both(who, arguments, lambda s: self.model.finalise(s, run, round_, contributors, root, sigs))

    def poke(self, who: int, run: int) -> str | None:
        return self._both(who, ("poke", run), lambda s: self.model.poke(s, run))

    # Reading and comparing ---------------------------------------------------------------------------------

    def view(self, function: str, *arguments: object) -> Any:
        data = decode.call_data(function, *arguments)
        output, _ = self.engine.call(bytes(20), self.address, data, 10_000_000, self.now)
        return decode.results(function, output)

    def would_revert(self, who: int, data: bytes, timestamp: int) -> str | None:
        """Return the contract's refusal of a call at a time, without making it."""
        sender = bytes.fromhex(self.accounts[who][2:])
        try:
            self.engine.call(sender, self.address, data, 10_000_000, timestamp)
        except CallReverted as reverted:
            refused = decode.refused(reverted.data)
            assert isinstance(refused, RefusedError), refused
            return refused.code
        return None

    def compare(self, newest: int | None = None) -> None:
        """Compare everything that can be read, or of proposals and runs the newest only."""
        assert decode.members(self.view("members")) == tuple(self.model.member_list)
        assert self.view("proposalCount") == len(self.model.votes)
        assert self.view("runCount") == len(self.model.runs)
        assert self.view("chainTime") == self.now
        for proposal in range(1, len(self.model.votes) + 1)[-(newest or 1000) :]:
            assert decode.proposal(proposal, self.view("proposal", proposal)) == self.model.proposal(proposal)
        for run in range(1, len(self.model.runs) + 1)[-(newest or 1000) :]:
            assert decode.run_state(run, self.view("run", run)) == self.model.run_state(run)

    def _both(self, who: int, arguments: tuple[Any, ...], in_model: Callable[[str], object]) -> str | None:
        self.now += 1
        data = decode.call_data(*arguments)
        told = self.would_revert(who, data, self.now)
        events = len(self.model.log)
        self.model.block = self.engine.head.number + 1
        expected = None
        try:
            in_model(self.accounts[who])
        except RefusedError as refused:
            expected = refused.code
        assert told == expected, f"{arguments[0]}: the contract says {told}, the model {expected}"
        if told is not None:
            assert len(self.model.log) == events
            return told
        receipt = self._seal(who, self.address, data, 10_000_000)
        assert receipt.succeeded
        self.gas.append((arguments[0], receipt.gas_used))
        self._compare_events(receipt, events)
        return None

    def _compare_events(self, receipt: Receipt, first: int) -> None:
        number = self.engine.head.number
        told: list[Event] = [decode.event(RawLog(number, 0, log.topics, log.data)) for log in receipt.logs]
        assert told == [replace(event, log_index=0) for event in self.model.log[first:]]

    def _seal(self, who: int, to: bytes, data: bytes, gas: int) -> Receipt:
        account = self.accounts[who]
        transaction: dict[str, Any] = {"chainId": CHAIN_ID, "nonce": self._nonces[account], "gasPrice": 0, "gas": gas}
        transaction |= {"value": 0, "data": data}
        if to:
            transaction["to"] = td.checksum_address(to)
        raw = bytes(Account.sign_transaction(transaction, self.keys[who]).raw_transaction)
        self._nonces[account] += 1
        block, left_out = self.engine.seal([self.engine.decode(raw)], self.now)
        assert not left_out
        return block.receipts[0]


@pytest.fixture
def twin() -> type[Twin]:
    """Class of the twin: ``twin(founders=3)``."""
    return Twin


@pytest.fixture
def terms() -> RunTerms:
    """Terms of a short run."""
    return RunTerms(b"c" * 32, b"b" * 32, 3, 2, enrol_seconds=100, commit_seconds=60, attest_seconds=30, max_weight=500)
