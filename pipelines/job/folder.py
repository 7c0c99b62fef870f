"""A job folder: where each slide's files lie, what is done, and who works on what."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.errors import SetupError
from pipelines.files import remove_left_overs, why_not_written, write_json
from pipelines.job.control import WHOLE_LIST, Control
from pipelines.job.locks import Heartbeat, SlideLock, acquire, holder, is_busy
from pipelines.job.plan import Plan, judge
from pipelines.job.records import read_state
from pipelines.job.summary import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from pipelines.slides import SlideEntry

TILE_STAGE = "tile"
"""Name of the stage that chooses the tiles, on which every other stage builds."""


class Job:
    """A job folder, entered while work is done in it.

    Parameters
    ----------
    folder : created when missing.
    clock : seconds since the epoch; only locks and the times in state files read it.
    control : which slides are worked on.
    started : when the run began of which this is a part; what was done or failed later than that, by whomever, is
        not tried again. None for now.
    leave_the_dead : whether slides that a process of this run left behind when it died are left to who started it.
    """

    def __init__(
        self,
        folder: Path,
        clock: Callable[[], float] = time.time,
        control: Control = WHOLE_LIST,
        started: float | None = None,
        leave_the_dead: bool = False,
    ) -> None:
        self.folder = Path(folder)
        self.clock = clock
        self.control = control
        self.started = clock() if started is None else started
        self._leave_the_dead = leave_the_dead
        self._heartbeat = Heartbeat(clock)

    def __enter__(self) -> Job:
        try:
            (self.folder / "state").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"the job folder {self.folder} cannot be made: {error.strerror}; name another with --out"
            raise SetupError(msg) from error
        self._heartbeat.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._heartbeat.__exit__(kind, error, trace)

    def tiles_file(self, slide_id: str) -> Path:
        """Return where the tile coordinates of a slide lie."""
        return self.folder / "tiles" / f"{slide_id}.h5"

    def geojson_file(self, slide_id: str) -> Path:
        """Return where the tissue outline and tiles lie, for QuPath."""
        return self.folder / "geojson" / f"{slide_id}.geojson"

    def thumbnail_file(self, slide_id: str) -> Path:
        """Return where the picture of the slide with outline and tiles lies."""
        return self.folder / "thumbnails" / f"{slide_id}.jpg"

    def features_file(self, encoder: str, slide_id: str, variant: str = "") -> Path:
        """Return where the feature file of a slide lies; ``variant`` names a further feature set of the encoder."""
        # A hub name such as owner/model is one encoder, not a folder in a folder.
        return self.folder / "features" / encoder.replace("/", "--") / variant / f"{slide_id}.h5"

    def state_file(self, slide_id: str) -> Path:
        """Return where the state of a slide lies."""
        return self.folder / "state" / f"{slide_id}.json"

    def stage(self, slide_id: str, stage: str) -> dict[str, Any]:
        """Return the recorded state of one stage of a slide; empty when it was never begun."""
        return self.state(slide_id)["stages"].get(stage, {})

    def plan(self, entry: SlideEntry, stage: str, parameters: Mapping[str, Any], outputs: Sequence[Path]) -> Plan:
        """Return what ``claim`` would do with a slide, without touching anything."""
        plan = self._plan(self.stage(entry.id, stage), entry, parameters, outputs)
        lock = self.lock_file(entry.id)
        if plan.does and is_busy(lock, self.clock):
            return Plan(entry.id, False, "busy", f"{holder(lock)} is working on it")
        return plan

    def lock_file(self, slide_id: str) -> Path:
        """Return where the lock of a slide lies."""
        return self.folder / "state" / f"{slide_id}.lock"

    def _plan(
        self, recorded: Mapping[str, Any], entry: SlideEntry, parameters: Mapping[str, Any], outputs: Sequence[Path]
    ) -> Plan:
        plan = judge(entry.id, recorded, parameters, outputs)
        if self.control.only_failed and plan.why not in {"failed before", "interrupted", "done"}:
            return Plan(entry.id, False, "not failed", f"only those that failed are asked for; this one: {plan.why}")
        if self.control.force and not plan.does and not self._in_this_run(recorded):
            return Plan(entry.id, True, "forced", "it is done")
        return plan

    def _in_this_run(self, recorded: Mapping[str, Any]) -> bool:
        return recorded.get("time", self.started) > self.started

    def claim(
        self, entry: SlideEntry, stage: str, parameters: Mapping[str, Any], outputs: Sequence[Path]
    ) -> Claim | Outcome:
        """Begin a stage of a slide, unless it is done with these parameters or another worker is at it.

        Parameters
        ----------
        entry : the slide.
        stage : such as "tile" or "extract stain-texture".
        parameters : everything that the outputs depend on, as JSON values.
        outputs : the files that the stage makes.
        """
        lock_file = self.lock_file(entry.id)
        settled = self._settled(entry, stage, parameters, outputs)
        if settled and (not lock_file.exists() or is_busy(lock_file, self.clock)):
            return settled  # else a process died between its work and its lock, which is put away below
        died = self._leave_the_dead and lock_file.exists() and self._in_this_run(self.stage(entry.id, stage))
        try:
            if died and not is_busy(lock_file, self.clock):
                return Outcome(entry.id, "busy", f"{holder(lock_file)} was working on it and is gone")
            lock = acquire(lock_file, self.clock)
        except OSError as error:
            return Outcome(entry.id, "failed", why_not_written(lock_file, error))
        if lock is None:
            return Outcome(entry.id, "busy", f"{holder(lock_file)} is working on it")
        self._heartbeat.add(lock)
        try:
            # Another may have finished it between the look and the lock.
            settled = self._settled(entry, stage, parameters, outputs)
            if settled:
                self.release(lock)
                return settled
            for path in (*outputs, lock_file, self.state_file(entry.id)):
                # Of a run that was killed while it wrote; the lock says that nobody writes them now.
                remove_left_overs(path)
            attempts = int(self.stage(entry.id, stage).get("attempts", 0)) + 1
            claim = Claim(self, entry, stage, dict(parameters), lock, attempts)
            claim.record("running")
        except OSError as error:
            self.release(lock)
            return Outcome(entry.id, "failed", why_not_written(self.state_file(entry.id), error))
        return claim

    def _settled(
        self, entry: SlideEntry, stage: str, parameters: Mapping[str, Any], outputs: Sequence[Path]
    ) -> Outcome | None:
        recorded = self.stage(entry.id, stage)
        plan = self._plan(recorded, entry, parameters, outputs)
        if plan.why == "done" and not plan.does:
            return Outcome(entry.id, "done before", "", recorded["counts"])
        if not plan.does:
            return Outcome(entry.id, "not asked for")
        same = recorded.get("parameters_sha256") == parameters_sha256(parameters)
        if plan.why == "failed before" and same and self._in_this_run(recorded):
            return Outcome(entry.id, "failed", recorded["reason"])
        return None

    def release(self, lock: SlideLock) -> None:
        """Give a lock back; one that cannot be removed now counts as a dead process's when this one has ended."""
        with suppress(OSError):
            self._heartbeat.release(lock)

    def state(self, slide_id: str) -> dict[str, Any]:
        """Return the state of a slide; a damaged or missing file counts as nothing done."""
        return read_state(self.state_file(slide_id), slide_id)


@dataclass
class Claim:
    """The right to work on one stage of one slide, held by a lock until ``done`` or ``failed``."""

    job: Job
    entry: SlideEntry
    stage: str
    parameters: dict[str, Any]
    lock: SlideLock
    attempts: int
    details: dict[str, Any] = field(default_factory=dict)
    """More to record, such as the names of dropped tiles."""

    def done(self, counts: Mapping[str, Any]) -> Outcome:
        """Record success; call it only after the outputs are in place."""
        try:
            self.record("done", counts=dict(counts), **self.details)
        except OSError as error:
            return self.failed(why_not_written(self.job.state_file(self.entry.id), error))
        self.job.release(self.lock)
        return Outcome(self.entry.id, "done", "", dict(counts))

    def failed(self, reason: str) -> Outcome:
        """Record failure with its one sentence; the next run tries again."""
        # Where not even this can be written, the state says "running" or worse, which the next run does not trust.
        with suppress(OSError):
            self.record("failed", reason=reason, **self.details)
        self.job.release(self.lock)
        return Outcome(self.entry.id, "failed", reason)

    def record(self, status: str, **more: Any) -> None:
        """Write this stage into the slide's state file."""
        state = self.job.state(self.entry.id)
        state["source"] = str(self.entry.path)
        state["stages"][self.stage] = {
            "status": status,
            "attempts": self.attempts,
            "time": self.job.clock(),
            "parameters": self.parameters,
            "parameters_sha256": parameters_sha256(self.parameters),
            **more,
        }
        write_json(self.job.state_file(self.entry.id), state)


def parameters_sha256(parameters: Mapping[str, Any]) -> str:
    """Return the identity of a stage's parameters; other parameters mean that the stage is done again."""
    text = json.dumps(parameters, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(path: Path) -> dict[str, int]:
    """Return size and time of a slide's files, so that a slide that was replaced is not taken for done."""
    parts = [path] if path.is_file() else []
    for folder in (path, path.with_suffix("") if path.suffix.lower() == ".mrxs" else path):
        parts += [part for part in folder.rglob("*") if part.is_file()] if folder.is_dir() else []
    stats = [part.stat() for part in parts]
    return {"bytes": sum(stat.st_size for stat in stats), "mtime_ns": max((s.st_mtime_ns for s in stats), default=0)}
