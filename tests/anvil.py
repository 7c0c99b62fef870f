"""A real chain node of another make, from npm, whose chain can be reorganised, killed and started again."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.waiting import until

BINARY = Path(__file__).parents[1] / "contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
ABSENT = "anvil is not installed: run scripts/install-ci-tools.sh"


@dataclass
class Anvil:
    """A block per second, gas is free; what it says goes into a file, since a full pipe would halt it."""

    folder: Path
    port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(BINARY), "--port", str(self.port), "--chain-id", "1337", "--block-time", "1", "--accounts", "0"]
        command += ["--base-fee", "0", "--gas-price", "0", "--disable-min-priority-fee", "--hardfork", "paris"]
        command += ["--state", str(self.folder / "anvil.json"), "--state-interval", "1", "--preserve-historical-states"]
        with (self.folder / "anvil.log").open("a") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, text=True)
        until("anvil answers", self._answers)

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait(20)

    def reorganise(self, depth: int) -> None:
        """Replace the last blocks by empty ones: their transactions were never there."""
        self.ask("anvil_reorg", depth, [])

    def ask(self, method: str, *parameters: object) -> Any:
        """Send a JSON-RPC request."""
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            told = json.load(answer)
        assert "error" not in told, told
        return told["result"]

    def _answers(self) -> bool:
        try:
            return bool(self.ask("eth_chainId"))
        except OSError:
            return False
