"""What a member keeps on disk of one run: enough to start again at any instant, and everything that an audit needs.

::

    STATE/runs/<run>-<contract>/
        run.json                     chain, contract, run, configuration hash
        update.state                 the own update of the current round, written before its commitment goes out: a line
                                     of JSON, its bytes, and what rounding them to 16 bits lost, for the next one
        node.json                    what 'swarm status' shows of this node
        model.json                   the last final model that was adopted: its root and the final rounds behind it
        models/<root>.state          the initial model, every final model that was held, merges that were attested to
        merges.json                  roots of the last merges that were attested to: one may have become final
        rounds/<round>/<account>.update, <account>.json
                                     each verified update of a round and the opening of its commitment
        final.safetensors            the model, once the run is finished

Every file is written aside and renamed. The own update and what was attested to are synced too, since they are
promised on the chain; the rest could be fetched again, and is known by its hash.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from pipelines.files import write_bytes, write_json
from wsi_swarm.errors import IntegrityError
from wsi_swarm.swarm.protocol.desk import OwnUpdate, own_update
from wsi_swarm.swarm.state.chunks import root_of
from wsi_swarm.swarm.state.encoding import FixedState, from_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from wsi_swarm.swarm.protocol.message import Reveal

log = logging.getLogger(__name__)

MAX_MERGES = 4
"""Attested merges that a member that starts again looks at."""


@dataclass(frozen=True, slots=True)
class KeptUpdate:
    """An update kept for the audit; ``blob`` is read as it stands, unchecked."""

    blob: bytes
    flags: int
    salt: bytes


class Checkpoint:
    """The files of one run of one member.

    Parameters
    ----------
    state
        The centre's state folder.
    contract, run
        Which run.
    """

    def __init__(self, state: Path, contract: str, run: int) -> None:
        self.folder = state / "runs" / f"{run}-{contract[2:10].lower()}"

    @property
    def final_model(self) -> Path:
        """Where the finished run's model goes."""
        return self.folder / "final.safetensors"

    def describe(self, chain_id: int, contract: str, run: int, config_hash: bytes) -> None:
        """Write what the folder is about."""
        told = {"chain_id": chain_id, "contract": contract, "run": run, "config_sha256": config_hash.hex()}
        write_json(self.folder / "run.json", told)

    # The own update ----------------------------------------------------------------------------------------------

    def save_update(self, update: OwnUpdate) -> None:
        """Write the own update durably, in one file: it is there whole, or not at all."""
        rest = b"" if update.residual is None else update.residual.astype("<i4", copy=False).tobytes()
        told = {
            "base_root": update.base_root.hex(),
            "finals": update.finals,
            "flags": update.flags,
            "size": len(update.blob),
            "sha256": hashlib.sha256(update.blob + rest).hexdigest(),
        }
        write_bytes(self.folder / "update.state", json.dumps(told).encode() + b"\n" + update.blob + rest)

    def load_update(self) -> OwnUpdate | None:
        """Return the own update; None if there is none, or the disk gave back other bytes than were written."""
        path = self.folder / "update.state"
        first, _, data = (_read(path) or b"").partition(b"\n")
        told = _object(path, first) if data else None
        if told is None or hashlib.sha256(data).hexdigest() != told.get("sha256"):
            return None
        size = int(told["size"])
        residual = np.frombuffer(data, "<i4", offset=size).astype(np.int32) if len(data) > size else None
        return own_update(
            bytes.fromhex(told["base_root"]), int(told["finals"]), data[:size], int(told["flags"]), residual
        )

    def save_status(self, told: dict[str, object]) -> None:
        """Write what this node knows besides the chain, for ``swarm status`` in another process."""
        write_json(self.folder / "node.json", told, durable=False)

    def load_status(self) -> dict[str, Any]:
        """Return the last status of this run, empty if there is none that can be read: only counts depend on it."""
        try:
            return _read_json(self.folder / "node.json") or {}
        except IntegrityError as error:
            log.warning("bytes are counted anew: %s", error)
            return {}

    # Models ------------------------------------------------------------------------------------------------------

    def save_model(self, model: FixedState, finals: int) -> None:
        """Keep a final (or the initial) model and note it as the last one."""
        self.keep_model(model)
        write_json(self.folder / "model.json", {"root": model.root.hex(), "finals": finals})

    def keep_model(self, model: FixedState, durable: bool = False) -> None:
        """Keep a model by its root."""
        write_bytes(self._model_path(model.root), model.to_bytes(), durable=durable)

    def keep_merge(self, merged: FixedState) -> None:
        """Keep durably what this member is about to attest to: the model may become final, and be nowhere else."""
        self.keep_model(merged, durable=True)
        roots = [*self._merges(), merged.root.hex()][-MAX_MERGES:]
        write_json(self.folder / "merges.json", {"roots": roots})

    def load_merges(self) -> list[FixedState]:
        """Return the merges that this member attested to last and that are here whole."""
        found = (_read(self._model_path(bytes.fromhex(root))) for root in self._merges())
        blobs = zip(self._merges(), found, strict=True)
        return [from_bytes(blob) for root, blob in blobs if blob is not None and root_of(blob).hex() == root]

    def _merges(self) -> list[str]:
        told = _read_json(self.folder / "merges.json")
        return [] if told is None else list(told["roots"])

    def load_model(self) -> FixedState | None:
        """Return the last final model that was adopted; None if it is not here whole: it is fetched from the others."""
        told = _read_json(self.folder / "model.json")
        try:
            return None if told is None else self.model(bytes.fromhex(told["root"]))
        except IntegrityError as error:
            log.warning("the last model is fetched again: %s", error)
            return None

    def model(self, root: bytes) -> FixedState | None:
        """Return the model with this root, or None if it was not kept.

        Raises
        ------
        IntegrityError
            If the file does not hash to its name.
        """
        path = self._model_path(root)
        blob = _read(path)
        if blob is None:
            return None
        if root_of(blob) != root:
            msg = f"{path} does not hash to its name: it was changed or damaged; delete it and start again to fetch it"
            raise IntegrityError(msg)
        return from_bytes(blob)

    def _model_path(self, root: bytes) -> Path:
        return self.folder / "models" / f"{root.hex()}.state"

    # Updates kept for the audit ----------------------------------------------------------------------------------

    def keep_update(self, round_: int, account: str, reveal: Reveal, blob: bytes) -> None:
        """Keep a verified update with the opening of its commitment."""
        path = self.update_path(round_, account)
        opening = {"flags": reveal.flags, "salt": reveal.salt.hex()}
        write_json(path.with_suffix(".json"), opening, durable=False)
        if not path.is_file():
            write_bytes(path, blob, durable=False)

    def kept_update(self, round_: int, account: str) -> KeptUpdate | None:
        """Return a kept update, or None."""
        path = self.update_path(round_, account)
        blob, told = _read(path), _read_json(path.with_suffix(".json"))
        if blob is None or told is None:
            return None
        return KeptUpdate(blob, int(told["flags"]), bytes.fromhex(told["salt"]))

    def update_path(self, round_: int, account: str) -> Path:
        """Where a kept update lies."""
        return self.folder / "rounds" / str(round_) / f"{account.lower()}.update"


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _read_json(path: Path) -> dict[str, Any] | None:
    data = _read(path)
    return None if data is None else _object(path, data)


def _object(path: Path, data: bytes) -> dict[str, Any]:
    try:
        told = json.loads(data)
    except ValueError as error:
        msg = f"{path} is damaged ({error}); delete it and start again"
        raise IntegrityError(msg) from error
    if not isinstance(told, dict):
        msg = f"{path} is damaged (no JSON object); delete it and start again"
        raise IntegrityError(msg)
    return cast("dict[str, Any]", told)
