"""The run configuration ``run.toml``: what the members of a run agree on, to the byte. Its hash stands on the chain."""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.ledger.base import RunTerms
from wsi_swarm.swarm.merge.mean import Mean
from wsi_swarm.swarm.merge.rules import entries_of, rule_from
from wsi_swarm.swarm.merge.whole import MergePlan, SyncPlan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Name = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
Text = Annotated[str, Field(min_length=1, max_length=128)]
Seconds = Annotated[float, Field(gt=0, le=30 * 24 * 3600)]


MAX_STEPS = 2**24
"""Longest training between two merges; a state that remembers it holds every number up to here exactly."""


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


class TableConfig(_Section):
    """Which table of expression or feature values the model reads, one row per patient, alike at every centre.

    Attributes
    ----------
    columns_sha256
        Of the agreed column names (genes) in their order.
    n_features
        Their number.
    """

    columns_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    n_features: int = Field(ge=1)


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
    features, table
        What the model reads: tile features or a table. Exactly one is given.
    sync_steps
        Training steps between two merges, the same number at every centre however many patients it has, so that no
        update is larger only because its centre took more steps.
    sync_longest
        Up to this the interval doubles from merge to merge while the loss falls; it starts anew from ``sync_steps``
        when the loss rises. None keeps it fixed.
    sync_epochs
        Instead of ``sync_steps``: passes of each centre over its own patients between two merges.
    min_peers
        Fewest committers, contributors and attesters of a final round.
    committee
        So many of a round's committers, another part each round, download, merge and attest; the others fetch the
        result. 0: all of them.
    weighting
        ``equal``: every centre counts the same ("basic"); ``patients``: by its number of patients ("weighted").
    max_weight
        Cap of a centre's weight, so that no claim of size can take a run over.
    fraction_bits
        Of the fixed-point encoding; weights must stay within ``±2**(31 - fraction_bits)``.
    update_bits
        Of each value of an update on its way: 32, exact, or 16 with error feedback.
    start_root
        Root (hex) of the model that the run starts from, encoded with ``fraction_bits``; empty: from a fresh one.
    merge
        ``rule`` and what that rule takes.
    learner
        Handed to the learner as it is.
    """

    name: Name
    targets: tuple[TargetConfig, ...] = Field(min_length=1, strict=False)
    features: FeatureConfig | None = None
    table: TableConfig | None = None
    learner: dict[str, int | float | bool | str] = Field(default_factory=dict[str, int | float | bool | str])
    rounds: int = Field(default=20, ge=1, le=100_000)
    sync_steps: int = Field(default=40, ge=1, le=MAX_STEPS)
    sync_longest: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    sync_epochs: float | None = Field(default=None, gt=0, le=10_000)
    min_peers: int = Field(default=2, ge=2, le=256)
    committee: int = Field(default=0, ge=0, le=256)
    weighting: Literal["equal", "patients"] = "patients"
    max_weight: int = Field(default=10_000, ge=1, le=2**22)
    seed: int = Field(default=0, ge=0, lt=2**63)
    fraction_bits: int = Field(default=24, ge=8, le=28)
    update_bits: Literal[16, 32] = 32
    start_root: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    merge: dict[str, int | float | str] = Field(default_factory=lambda: entries_of(Mean()))
    timeouts: Timeouts = Timeouts()

    @field_validator("merge")
    @classmethod
    def _defaults_spelled_out(cls, entries: dict[str, int | float | str]) -> dict[str, int | float | str]:
        try:
            return entries_of(rule_from(entries))
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @model_validator(mode="after")
    def _fits_together(self) -> RunConfig:
        mistake = next(self._mistakes(), None)
        if mistake:
            raise ValueError(mistake)
        return self

    def _mistakes(self) -> Iterator[str]:
        if len({target.name for target in self.targets}) != len(self.targets):
            yield "each target may be named only once"
        if (self.features is None) == (self.table is None):
            yield "the model reads either [features] or a [table]; give exactly one of these sections"
        if self.sync_epochs is not None and ("sync_steps" in self.model_fields_set or self.sync_longest is not None):
            yield "sync_epochs takes the place of sync_steps and sync_longest; give one or the other"
        if self.sync_longest is not None and self.sync_longest < self.sync_steps:
            yield f"sync_longest ({self.sync_longest}) must be at least sync_steps ({self.sync_steps})"
        if 0 < self.committee < self.min_peers:
            yield f"committee ({self.committee}) must be 0 (everybody) or at least min_peers ({self.min_peers})"
        rule = rule_from(self.merge)
        if rule.robust and self.weighting != "equal":
            yield f"the merge rule '{rule.name}' counts every centre the same; set weighting = \"equal\""
        if self.min_peers < rule.fewest:
            yield f"the merge rule '{rule.name}' needs {rule.fewest} centres to bear this many faulty; raise min_peers"

    @property
    def hash(self) -> bytes:
        """SHA-256 of the canonical JSON: what the chain and every message carry."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).digest()

    @property
    def merge_plan(self) -> MergePlan:
        """How updates become the next state."""
        sync = SyncPlan(self.sync_steps, self.sync_longest)
        return MergePlan(rule_from(self.merge), self.weighting == "patients", sync)

    def local_steps(self, agreed: int, steps_per_epoch: int) -> int:
        """Return how many steps a centre trains: those of ``whole.steps_of``, or its own passes by ``sync_epochs``."""
        return agreed if self.sync_epochs is None else max(1, math.ceil(self.sync_epochs * steps_per_epoch))

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
            committee=self.committee,
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
    values = config.model_dump(mode="json", exclude_none=True)
    if config.sync_epochs is not None:
        del values["sync_steps"]
    names = ("features", "table", "learner", "merge", "timeouts")
    tables: dict[str, dict[str, object]] = {name: values.pop(name) for name in names if name in values}
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
