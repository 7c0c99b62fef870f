"""The run configuration ``run.toml``: what the members of a run agree on, to the byte. Its hash stands on the chain."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.ledger.base import RunTerms

if TYPE_CHECKING:
    from pathlib import Path

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, Field(min_length=1, max_length=128)]
Seconds = Annotated[float, Field(gt=0, le=30 * 24 * 3600)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class TargetConfig(_Section):
    """A target: its column in the clinical tables and which labels are positive and negative."""

    name: Text
    positive: Text
    negative: tuple[Text, ...] = Field(min_length=1, strict=False)


class FeatureConfig(_Section):
    """Which features the model reads; every centre must have extracted them alike."""

    encoder: Text
    card_sha256: str = Field(max_length=64)
    weights_sha256: str = Field(max_length=128)
    dim: int = Field(ge=1)
    tile_um: float = Field(gt=0)
    mpp: float = Field(gt=0)


class Timeouts(_Section):
    """All the waiting that there is, in seconds.

    Attributes
    ----------
    enrol_s
        For members to enrol, after which ``min_peers`` are enough.
    commit_s
        For training and commitment: longer than the slowest centre needs for ``sync_steps``.
    reveal_s
        For a committed update to reach the others.
    attest_s
        For merge and attestations, after which the round is void.
    heartbeat_s
        Between two signs of life; also after what time something unanswered is asked again.
    connect_s
        Until a connection attempt is given up and made anew.
    """

    enrol_s: Seconds = 600.0
    commit_s: Seconds = 3600.0
    reveal_s: Seconds = 120.0
    attest_s: Seconds = 120.0
    heartbeat_s: Seconds = 5.0
    connect_s: Seconds = 10.0

    @model_validator(mode="after")
    def _in_proportion(self) -> Timeouts:
        shortest = min(self.enrol_s, self.commit_s, self.reveal_s, self.attest_s)
        if self.heartbeat_s > shortest / 2:
            msg = f"heartbeat_s ({self.heartbeat_s:g}) must be at most half of the other waits ({shortest:g})"
            raise ValueError(msg)
        return self


class RunConfig(_Section):
    """One run.

    Attributes
    ----------
    rounds
        Final rounds after which the run is finished.
    sync_steps
        Training steps between two merges.
    min_peers
        Fewest committers, contributors and attesters of a final round.
    weighting
        ``equal``: every centre counts the same ("basic"); ``patients``: by its number of patients ("weighted").
    max_weight
        Cap of a centre's weight, so that no claim of size can take a run over.
    fraction_bits
        Of the fixed-point encoding; weights must stay within ``±2**(31 - fraction_bits)``.
    learner
        Handed to the learner as it is.
    """

    name: Name
    targets: tuple[TargetConfig, ...] = Field(min_length=1, strict=False)
    features: FeatureConfig
    learner: dict[str, int | float | bool | str] = Field(default_factory=dict[str, int | float | bool | str])
    rounds: int = Field(default=20, ge=1, le=100_000)
    sync_steps: int = Field(default=40, ge=1)
    min_peers: int = Field(default=2, ge=2, le=256)
    weighting: Literal["equal", "patients"] = "patients"
    max_weight: int = Field(default=10_000, ge=1, le=2**22)
    seed: int = Field(default=0, ge=0, lt=2**63)
    fraction_bits: int = Field(default=24, ge=8, le=28)
    timeouts: Timeouts = Timeouts()

    @model_validator(mode="after")
    def _targets_differ(self) -> RunConfig:
        if len({target.name for target in self.targets}) != len(self.targets):
            msg = "each target may be named only once"
            raise ValueError(msg)
        return self

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical JSON: what the chain and every message carry."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).digest()

    def weight_of(self, patients: int) -> int:
        """Return the merge weight with which a centre enrols."""
        return min(max(1, patients), self.max_weight) if self.weighting == "patients" else 1

    def terms(self, base_root: bytes) -> RunTerms:
        """Return what is put to the vote; ``base_root`` is the initial model's."""
        wait = self.timeouts
        return RunTerms(
            config_hash=self.hash,
            base_root=base_root,
            rounds=self.rounds,
            min_peers=self.min_peers,
            enrol_seconds=math.ceil(wait.enrol_s),
            commit_seconds=math.ceil(wait.commit_s),
            attest_seconds=math.ceil(wait.reveal_s + wait.attest_s),
            max_weight=self.max_weight if self.weighting == "patients" else 1,
        )


def read_run_config(path: Path) -> RunConfig:
    """Read ``run.toml``.

    Raises
    ------
    ConfigError
        If it is missing, not TOML, or not a run configuration; names each wrong entry.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path} cannot be read ({error.strerror}); name the run.toml that all centres hold"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not valid TOML: {error}"
        raise ConfigError(msg) from error
    try:
        return RunConfig.model_validate(values)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(str(part) for part in e['loc']) or 'run'}: {e['msg']}" for e in error.errors())
        msg = f"{path} is not a run configuration ({wrong}); correct it at every centre alike"
        raise ConfigError(msg) from error


def run_config_toml(config: RunConfig) -> str:
    """Write a run configuration as TOML that reads back to the same hash."""
    values = config.model_dump(mode="json")
    tables: dict[str, dict[str, object]] = {name: values.pop(name) for name in ("features", "learner", "timeouts")}
    targets: list[dict[str, object]] = values.pop("targets")
    lines = ["# The run that the centres agree on. Every centre holds this file identically; its hash is voted on.", ""]
    lines += [f"{key} = {_toml(value)}" for key, value in values.items()]
    for target in targets:
        lines += ["", "[[targets]]", *(f"{key} = {_toml(value)}" for key, value in target.items())]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # for texts, numbers, booleans and lists of them, JSON is TOML
