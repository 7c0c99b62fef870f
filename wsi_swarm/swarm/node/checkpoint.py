"""What a member keeps on disk of one run: enough to start again at any instant, and everything that an audit needs.

::

    STATE/runs/<run>-<contract>/
        run.json                     chain, contract, run, configuration hash
        update.state, update.json    the own update of the current round, written before its commitment goes out
        update.residual              what rounding it to 16 bits lost, for the next one
        node.json                    what 'swarm status' shows of this node
        model.json                   the last final model that was adopted: its root and the final rounds behind it
        models/<root>.state          the initial model and every final model that was held
        rounds/<round>/<account>.update, <account>.json
                                     each verified update of a round and the opening of its commitment
        final.safetensors            the model, once the run is finished

Every file is written aside, synced and renamed.
"""

from __future__ import annotations

import json
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
        """Write the own update durably; the description comes last and says which bytes are meant."""
        residual = b"" if update.residual is None else update.residual.astype("<i4", copy=False).tobytes()
        write_bytes(self.folder / "update.state", update.blob)
        write_bytes(self.folder / "update.residual", residual)
        told = {
            "base_root": update.base_root.hex(),
            "finals": update.finals,
            "flags": update.flags,
            "root": update.manifest.root.hex(),
            "residual_root": root_of(residual).hex(),
        }
        write_json(self.folder / "update.json", told)

    def load_update(self) -> OwnUpdate | None:
        """Return the own update; None if there is none, or its writing was cut short between the files."""
        told, blob = _read_json(self.folder / "update.json"), _read(self.folder / "update.state")
        kept = _read(self.folder / "update.residual")
        if told is None or blob is None or kept is None:
            return None
        if (root_of(blob).hex(), root_of(kept).hex()) != (told.get("root"), told.get("residual_root")):
            return None
        residual = np.frombuffer(kept, "<i4").astype(np.int32) if kept else None
        return own_update(bytes.fromhex(told["base_root"]), int(told["finals"]), blob, int(told["flags"]), residual)

    def save_status(self, told: dict[str, object]) -> None:
        """Write what this node knows besides the chain, for ``swarm status`` in another process."""
        write_json(self.folder / "node.json", told)

    # Models ------------------------------------------------------------------------------------------------------

    def save_model(self, model: FixedState, finals: int) -> None:
        """Keep a final (or the initial) model and note it as the last one."""
        self.keep_model(model)
        write_json(self.folder / "model.json", {"root": model.root.hex(), "finals": finals})

    def keep_model(self, model: FixedState) -> None:
        """Keep a model by its root."""
        path = self._model_path(model.root)
        if not path.is_file():
            write_bytes(path, model.to_bytes())

    def load_model(self) -> FixedState | None:
        """Return the last final model that was adopted, or None."""
        told = _read_json(self.folder / "model.json")
        return None if told is None else self.model(bytes.fromhex(told["root"]))

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
        if not path.is_file():
            write_bytes(path, blob)
        write_json(path.with_suffix(".json"), {"flags": reveal.flags, "salt": reveal.salt.hex()})

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
    if data is None:
        return None
    try:
        told = json.loads(data)
    except ValueError as error:
        msg = f"{path} is damaged ({error}); delete it and start again"
        raise IntegrityError(msg) from error
    if not isinstance(told, dict):
        msg = f"{path} is damaged (no JSON object); delete it and start again"
        raise IntegrityError(msg)
    return cast("dict[str, Any]", told)
