"""Deploying a new contract for founders who each asked for it with a signed request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_abi.abi import encode
from eth_hash.auto import keccak

from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.ledger import decode
from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.errors import LedgerError
from wsi_swarm.swarm.ledger.evm import check_fee
from wsi_swarm.swarm.ledger.federation import Federation, FederationMember
from wsi_swarm.swarm.ledger.rpc_client import RevertedError, RpcClient
from wsi_swarm.swarm.ledger.sender import Sender
from wsi_swarm.swarm.ledger.typed_data import ZERO_ADDRESS, endpoint_hash, join_request_is_authentic

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wsi_swarm.swarm.ledger.base import JoinRequest

_DEPLOY_GAS = 5_000_000
_DEPLOY_GAS_PER_FOUNDER = 160_000


def deploy(
    client: RpcClient,
    key: bytes,
    journal: Path,
    founders: Mapping[str, JoinRequest],
    voting_seconds: int,
    now: int,
    predecessor: str = ZERO_ADDRESS,
    max_fee_wei: int = 0,
    confirmations: int = 0,
) -> Federation:
    """Deploy a contract whose first members are the founders (label to request, in index order).

    The deploying key gets no rights from it. ``now`` (Unix seconds) decides whether a request has expired. Returns
    when the contract is ``confirmations`` blocks deep.

    Raises
    ------
    IntegrityError
        A founder's request is not signed by its account for a new contract on this chain, or has expired.
    RefusedError
        The contract refuses the founders or the voting time.
    LedgerError, UnreachableError
        The node does not take the transaction.
    """
    check_fee(client, max_fee_wei)
    chain_id, artifact = client.chain_id(), load_artifact()
    for name, request in founders.items():
        _check_founder(name, request, chain_id, now)
    members = [(r.account, r.curve_key, endpoint_hash(r.endpoint)) for r in founders.values()]
    data = artifact.bytecode + encode(artifact.constructor, (members, predecessor, voting_seconds))
    sender = Sender(client, key, chain_id, journal, max_fee_wei, confirmations)
    try:
        client.call(sender.account, None, data)
    except RevertedError as error:
        raise decode.refused(error.data) from error
    gas = _DEPLOY_GAS + _DEPLOY_GAS_PER_FOUNDER * len(members)
    receipt = sender.send(f"deploy {keccak(data).hex()}", None, data, gas)
    if receipt.created is None:
        msg = f"The deployment failed in block {receipt.block}; does the chain allow {gas} gas in a transaction?"
        raise LedgerError(msg)
    return Federation(
        chain_id=chain_id,
        contract=receipt.created,
        code_hash=keccak(client.code(receipt.created)),
        deployed_block=receipt.block,
        confirmations=confirmations,
        members=tuple(FederationMember(n, r.account, r.curve_key, r.endpoint) for n, r in founders.items()),
    )


def _check_founder(name: str, request: JoinRequest, chain_id: int, now: int) -> None:
    if not join_request_is_authentic(request, chain_id, ZERO_ADDRESS):
        msg = f"The join request of {name} is not signed by {request.account} as a founder on chain {chain_id}; "
        raise IntegrityError(msg + "ask that centre to make it again.")
    if now >= request.expiry:
        msg = f"The join request of {name} has expired; ask that centre to make a new one."
        raise IntegrityError(msg)
