"""Gas of the contract, measured on the embedded EVM (Paris rules; gas does not depend on the machine).

    python -m benchmarks.contract_gas [--members 3 8 32 128] [--committee 0] [--json]

A round is all commits and one `finalise` with a majority of signatures, which also opens the next round; the second
round is shown, since the first pays once more for slots that were never used. Bars: issue of the swarm.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from eth_abi.abi import encode
from eth_account import Account

from wsi_swarm.swarm.chain.engine import Engine
from wsi_swarm.swarm.ledger import decode
from wsi_swarm.swarm.ledger import typed_data as td
from wsi_swarm.swarm.ledger.artifact import load_artifact
from wsi_swarm.swarm.ledger.base import committee, quorum

BARS = {3: 460_000, 8: 720_000, 32: 1_950_000, 128: 6_900_000}
CHAIN_ID = 1337


class Meter:
    """Sends transactions, one block each, and notes their gas."""

    def __init__(self, members: int) -> None:
        self.engine = Engine(CHAIN_ID, 1_000_000)
        self.keys = [(i + 1).to_bytes(32) for i in range(members)]
        self.accounts = [td.account_of(key) for key in self.keys]
        self._nonces = [0] * members
        self.address = ""
        founders = [(a, (i + 1).to_bytes(32), td.endpoint_hash(f"tcp://h{i}:1")) for i, a in enumerate(self.accounts)]
        artifact = load_artifact()
        code = artifact.bytecode + encode(artifact.constructor, (founders, td.ZERO_ADDRESS, 10**6))
        self.deploy_gas = self._send(0, code)
        created = self.engine.head.receipts[0].created
        assert created is not None
        self.address = td.checksum_address(created)

    def send(self, who: int, function: str, *arguments: object) -> int:
        """Call the contract and return the gas used."""
        return self._send(who, decode.call_data(function, *arguments))

    def _send(self, who: int, data: bytes) -> int:
        told: dict[str, Any] = {"chainId": CHAIN_ID, "nonce": self._nonces[who], "gasPrice": 0, "gas": 45_000_000}
        told |= {"value": 0, "data": data}
        if self.address:
            told["to"] = self.address
        self._nonces[who] += 1
        raw = bytes(Account.sign_transaction(told, self.keys[who]).raw_transaction)
        block, _ = self.engine.seal([self.engine.decode(raw)], self.engine.head.timestamp + 1)
        assert block.receipts[0].succeeded
        return block.gas_used


def measure(members: int, size: int = 0) -> dict[str, int]:
    """Return the gas of each kind of call for a swarm of this size."""
    meter = Meter(members)
    everybody = range(members)
    found = {"deploy": meter.deploy_gas}
    found["open_run_by_vote"] = meter.send(0, "proposeRun", (b"c" * 32, b"b" * 32, 9, 2, 9999, 9999, 9999, 500, size))
    found["open_run_by_vote"] += sum(meter.send(who, "vote", 1, True) for who in range(1, members // 2 + 1))
    found["enrol_all"] = sum(meter.send(who, "enrol", 1, 100) for who in everybody)
    base, commits_hash = b"b" * 32, bytes(32)
    for round_ in (1, 2):
        told = [td.endpoint_hash(f"{who} {round_}") for who in everybody]
        commits = [meter.send(who, "commit", 1, round_, told[who]) for who in everybody]
        for who in everybody:
            commits_hash = td.next_commits_hash(commits_hash, round_, who, told[who])
        root = td.endpoint_hash(f"merged {round_}")
        contributors = frozenset(everybody)
        digest = td.attest_digest(CHAIN_ID, meter.address, 1, round_, base, commits_hash, contributors, root)
        able = sorted(committee(contributors, round_, size))
        majority = able[: quorum(len(able), 2)]
        bundle = b"".join(td.sign(meter.keys[who], digest) for who in majority)
        attesters = td.bitmap(frozenset(majority))
        final = meter.send(0, "finalise", 1, round_, td.bitmap(contributors), root, attesters, bundle)
        base = root
        found |= {"commit_first": commits[0], "commit": commits[1], "commit_closing": commits[-1], "finalise": final}
        found["round"] = sum(commits) + final
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--members", type=int, nargs="+", default=[3, 8, 32, 128])
    parser.add_argument("--committee", type=int, default=0, help="members of it; 0 for everybody")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    table = {members: measure(members, options.committee) for members in options.members}
    if options.json:
        print(json.dumps(table, indent=1))
        return
    print(f"| gas | {' | '.join(f'{m} members' for m in table)} |")
    print(f"|---|{'---:|' * len(table)}")
    for row in next(iter(table.values())):
        print(f"| {row} | {' | '.join(f'{found[row]:,}' for found in table.values())} |")
    print(f"| bar of a round | {' | '.join(f'{BARS[m]:,}' if m in BARS else '-' for m in table)} |")


if __name__ == "__main__":
    main()
