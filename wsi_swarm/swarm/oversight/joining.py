"""What a centre checks of a federation file before it believes it: chain, contract, members, its own keys, the run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from wsi_swarm.swarm.ledger.typed_data import domain_separator, endpoint_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wsi_swarm.swarm.config import RunConfig
    from wsi_swarm.swarm.identity import Identity
    from wsi_swarm.swarm.ledger.base import LedgerReader, Member, RunState
    from wsi_swarm.swarm.ledger.federation import Federation
    from wsi_swarm.swarm.ledger.rpc_client import RpcClient


class Outcome(Enum):
    """Of one check."""

    OK = "ok"
    NOTE = "note"
    """To be known; nothing is wrong with it."""
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, and what was found, in a sentence."""

    about: str
    outcome: Outcome
    told: str


def check_chain(client: RpcClient, federation: Federation) -> Iterator[Check]:
    """Check the signing domain and the depth at which the chain is believed.

    That the node serves the federation's chain and code is checked where a ledger is opened; this comes after it.
    """
    head = client.head()
    code = federation.code_hash.hex()[:16]
    yield Check("chain", Outcome.OK, f"the node at {client.url} serves chain {federation.chain_id}, block {head}")
    yield Check("contract", Outcome.OK, f"{federation.contract} has the code {code}… that the file pins")
    found = _domain(client, federation)
    expected = domain_separator(federation.chain_id, federation.contract)
    same = found == expected
    told = "this version signs for the domain (name, version, chain, contract) that the contract checks"
    wrong = f"the contract checks signatures for another domain: {found.hex()[:16]}…, not {expected.hex()[:16]}…"
    yield Check("signatures", Outcome.OK if same else Outcome.FAILED, told if same else wrong)
    deep = federation.confirmations
    told = f"a block is believed when {deep} more stand on it" if deep else "a block is final at once (as with QBFT)"
    yield Check("finality", Outcome.OK, told)


def check_members(reader: LedgerReader, federation: Federation) -> Iterator[Check]:
    """Check the file's members against the registry, which is right where they differ."""
    members = reader.members()
    active = [member for member in members if member.active]
    told = list(_differences(active, federation))
    if not told:
        text = f"all {len(active)} stand in the file with the keys and endpoints of the registry"
        yield Check("members", Outcome.OK, text)
    for text in told:
        yield Check("members", Outcome.NOTE, text)


def _differences(active: Sequence[Member], federation: Federation) -> Iterator[str]:
    known = {member.account: member for member in federation.members}
    for member in active:
        if member.account not in known:
            yield f"the file does not know member {member.index}, {member.account}; ask a member for its file"
        elif known[member.account].curve_key != member.curve_key:
            yield f"{federation.name_of(member)} has changed its CURVE key since; the registry's counts"
        elif federation.endpoint_of(member) is None:
            yield f"{federation.name_of(member)} has moved to another endpoint since; it will tell it when it calls"
    for account in sorted(known.keys() - {member.account for member in active}):
        yield f"{known[account].name} ({account}) stands in the file and is no member (yet, or any more)"


def check_self(reader: LedgerReader, federation: Federation, identity: Identity, rotating: bool) -> Iterator[Check]:
    """Check this centre's own keys; yields nothing if it is no active member."""
    member = next((one for one in reader.members() if one.account == identity.account and one.active), None)
    if member is None:
        return
    told = next((one for one in federation.members if one.account == identity.account), None)
    if member.curve_key != identity.curve_public:
        mend = "end the rotation with 'swarm rotate-key'" if rotating else "find out who changed it, and rotate it"
        text = f"the registry names another CURVE key for {identity.account} than the one kept here; {mend}"
        yield Check("own keys", Outcome.FAILED, text)
    elif member.endpoint_hash != endpoint_hash(identity.endpoint):
        where = identity.endpoint or "(dials only)"
        text = f"the registry does not name this centre's endpoint {where}; correct it with 'swarm rotate-key'"
        yield Check("own keys", Outcome.FAILED, text)
    elif told is not None and told.endpoint != identity.endpoint:
        text = f"the file gives the endpoint {told.endpoint or '(dials only)'} for this centre; ask who sent it"
        yield Check("own keys", Outcome.FAILED, text)
    elif told is not None and told.curve_key != identity.curve_public:
        yield Check("own keys", Outcome.FAILED, "the file gives another CURVE key for this centre; ask who sent it")
    else:
        yield Check("own keys", Outcome.OK, f"account {identity.account}, CURVE key and endpoint are the registry's")


def check_run(reader: LedgerReader, federation: Federation, config: RunConfig | None) -> Iterator[Check]:
    """Check the run.toml that lies here against the runs of the file and of the contract."""
    agreed = {run.config_hash: run.name for run in federation.runs}
    if config is None:
        names = ", ".join(f"{name} ({hash_.hex()[:12]})" for hash_, name in agreed.items())
        told = f"there is no run.toml here; the file names {names}" if names else "the file names none yet"
        yield Check("run", Outcome.NOTE, told)
        return
    run = next((one for one in _runs(reader) if one.terms.config_hash == config.hash), None)
    short = config.hash.hex()[:12]
    if run is not None:
        same = config.terms(run.terms.base_root) == run.terms
        told = f"run.toml ({config.name}, {short}) is run {run.run} of the contract, with the same terms"
        wrong = f"run {run.run} of the contract has the configuration of run.toml ({short}) but other terms"
        yield Check("run", Outcome.OK if same else Outcome.FAILED, told if same else wrong)
    elif config.hash in agreed:
        yield Check("run", Outcome.OK, f"run.toml ({config.name}, {short}) is the one that the file names")
    elif agreed:
        names = ", ".join(f"{name} ({hash_.hex()[:12]})" for hash_, name in agreed.items())
        text = f"run.toml ({config.name}, {short}) is none of those that the file names: {names}; get the right one"
        yield Check("run", Outcome.FAILED, text)
    else:
        yield Check("run", Outcome.NOTE, f"run.toml ({config.name}, {short}) is not proposed yet")


def _runs(reader: LedgerReader) -> Iterator[RunState]:
    return (reader.run(number) for number in range(reader.run_count(), 0, -1))


def _domain(client: RpcClient, federation: Federation) -> bytes:
    """Return the separator of the domain that the contract itself names (ERC-5267)."""
    from eth_abi.abi import decode
    from eth_hash.auto import keccak

    answer = client.call(federation.contract, federation.contract, keccak(b"eip712Domain()")[:4])
    kinds = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
    _, name, version, chain_id, contract, _, _ = decode(kinds, answer)
    if (name, version) != ("wsi-swarm", "1"):
        return keccak(f"{name} {version}".encode())
    return domain_separator(chain_id, contract)
