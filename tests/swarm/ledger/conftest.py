"""A chain in this process whose clock moves on with each transaction, and three members on it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from web3.providers import BaseProvider

from wsi_swarm.swarm.chain.devchain import DevChain
from wsi_swarm.swarm.chain.rpc import Rpc
from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.base import Candidate, JoinRequest, Ledger
from wsi_swarm.swarm.ledger.deploy import deploy
from wsi_swarm.swarm.ledger.evm import EvmLedger
from wsi_swarm.swarm.ledger.model import ContractModel, ModelLedger
from wsi_swarm.swarm.ledger.rpc_client import RpcClient

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.swarm.ledger.federation import Federation

CHAIN_ID = 1337
KEYS = [bytes([i + 1]) * 32 for i in range(5)]


@dataclass
class Clock:
    """Seconds that only the test moves, and each transaction by one."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


class InProcess(BaseProvider):
    """Answers web3 from a chain in this process; through JSON, as over the wire."""

    def __init__(self, chain: DevChain, clock: Clock) -> None:
        super().__init__()
        self._rpc, self._chain, self._clock = Rpc(chain), chain, clock
        self.lose: set[str] = set()
        self.asked: list[str] = []

    def make_request(self, method: Any, params: Any) -> Any:
        self.asked.append(method)
        if method in self.lose:
            msg = "the network is down"
            raise ConnectionError(msg)
        if method == "eth_sendRawTransaction":
            self._clock.now += 1
        request = json.loads(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}))
        return json.loads(json.dumps(self._rpc.answer(request)))


@dataclass
class World:
    """Chain, contract and members."""

    clock: Clock
    chain: DevChain
    provider: InProcess
    client: RpcClient
    federation: Federation
    ledgers: list[EvmLedger]
    folder: Path
    keys: list[bytes]

    def ledger(self, who: int) -> EvmLedger:
        return EvmLedger(self.client, self.federation, KEYS[who], self.folder / f"nonces-{who}.json")


def founder(who: int) -> JoinRequest:
    return td.sign_join_request(KEYS[who], CHAIN_ID, td.ZERO_ADDRESS, KEYS[who][::-1], f"tcp://h{who}:7000", 2_000_000)


class ModelWorld:
    """Three members on the pure model, with what the tests of any ledger use."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.keys = KEYS
        requests = [founder(who) for who in range(3)]
        founders = [Candidate(r.account, r.curve_key, td.endpoint_hash(r.endpoint)) for r in requests]
        model = ContractModel(founders, 10_000, lambda: int(self.clock()), CHAIN_ID)
        self.ledgers: list[Ledger] = [ModelLedger(model, td.account_of(key)) for key in KEYS]


@pytest.fixture(params=["model", "evm"])
def swarm(request: pytest.FixtureRequest) -> ModelWorld | World:
    """Three members and two others, on the pure model and on the chain."""
    return ModelWorld() if request.param == "model" else request.getfixturevalue("world")


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Three members, a contract, a chain."""
    clock = Clock()
    chain = DevChain(clock, CHAIN_ID)
    provider = InProcess(chain, clock)
    client = RpcClient("in process", provider=provider)
    founders = {f"centre-{who}": founder(who) for who in range(3)}
    federation = deploy(client, KEYS[4], tmp_path / "deploying.json", founders, 10_000, now=1_000_000)
    made = World(clock, chain, provider, client, federation, [], tmp_path, KEYS)
    made.ledgers = [made.ledger(who) for who in range(5)]
    return made
