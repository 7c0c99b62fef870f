"""The embedded chain's memory: one line per block, replayed on start.

A line holds what the block cannot be derived from (time, raw transactions) and what it must lead to (its hash), with
a checksum. It is appended and synced before anybody learns that the block exists. A last line that a crash has torn
belongs to a block that nobody saw; it is cut off. Anything else that does not fit is refused.
"""

from __future__ import annotations

import fcntl
import json
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wsi_swarm.errors import ConfigError, IntegrityError, SwarmError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "wsi-swarm dev chain 1"


@dataclass(frozen=True, slots=True)
class JournalledBlock:
    """What a line of the journal says of a block."""

    timestamp: int
    raw_transactions: tuple[bytes, ...]
    block_hash: bytes


class Journal:
    """The open journal of one chain; a second process that opens it is refused.

    Parameters
    ----------
    folder : Path
        Folder of the chain; made if absent. The journal is ``blocks.jsonl`` in it.
    chain_id, genesis_time : int
        Written into a new journal; an old one keeps its own genesis time and must have the same chain id.

    Raises
    ------
    ConfigError
        Another process has the journal open, or it belongs to another chain id.
    IntegrityError
        A line before the last one is damaged.
    """

    def __init__(self, folder: Path, chain_id: int, genesis_time: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "blocks.jsonl"
        self._file = self.path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            msg = f"{self.path} is in use by another chain process; stop it, or give another --data folder."
            raise ConfigError(msg) from error
        entries = self._read()
        if not entries:
            first: dict[str, Any] = {"format": FORMAT, "chain_id": chain_id, "genesis_time": genesis_time}
            entries = [first]
            self._append(first)
            _sync_folder(folder)
        head = entries[0]
        if head.get("format") != FORMAT or head.get("chain_id") != chain_id:
            self.close()
            msg = f"{self.path} is not the journal of chain {chain_id}; give another --data folder or --chain-id."
            raise ConfigError(msg)
        self.genesis_time: int = head["genesis_time"]
        self.blocks = [
            JournalledBlock(e["time"], tuple(bytes.fromhex(raw) for raw in e["transactions"]), bytes.fromhex(e["hash"]))
            for e in entries[1:]
        ]

    def append(self, block: JournalledBlock) -> None:
        """Write a block and return when it is on the disk.

        Raises
        ------
        SwarmError
            It cannot be written: the chain must end, for it has gone on and the journal has not.
        """
        transactions = [raw.hex() for raw in block.raw_transactions]
        self._append({"time": block.timestamp, "hash": block.block_hash.hex(), "transactions": transactions})

    def close(self) -> None:
        """Release the file."""
        self._file.close()

    def _append(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, separators=(",", ":"))
        line = f"{zlib.crc32(text.encode()):08x} {text}\n".encode()
        try:
            while line:
                line = line[self._file.write(line) or 0 :]
            os.fsync(self._file.fileno())
        except OSError as error:
            msg = f"The chain's journal {self.path} cannot be written ({error.strerror}); make room and start it again."
            raise SwarmError(msg) from error

    def _read(self) -> list[dict[str, Any]]:
        self._file.seek(0)
        entries: list[dict[str, Any]] = []
        whole = 0
        lines = self._file.read().splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            entry = _parse(line)
            if entry is None:
                if number < len(lines):
                    self.close()
                    msg = f"{self.path} line {number} is damaged; restore the file, or begin anew in another folder."
                    raise IntegrityError(msg)
                self._file.truncate(whole)
                break
            entries.append(entry)
            whole += len(line)
        return entries


def _parse(line: bytes) -> dict[str, Any] | None:
    if not line.endswith(b"\n") or line[8:9] != b" ":
        return None
    text = line[9:-1]
    return json.loads(text) if line[:8] == f"{zlib.crc32(text):08x}".encode() else None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
