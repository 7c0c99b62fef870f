"""What a run did, slide by slide: a JSON file for programs, Markdown for people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipelines.errors import PartialError, SetupError
from pipelines.files import remove_left_overs, why_not_written, write_json
from pipelines.job.locks import door
from pipelines.job.records import outcomes_of, read_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FORMAT = "wsi-swarm summary 1"
_SHOWN = 30


@dataclass(frozen=True)
class Outcome:
    """What became of one slide.

    Attributes
    ----------
    slide_id : str.
    status : "done", "done before", "busy" (another worker is at it), "failed" or "not asked for".
    reason : one sentence where it is not done.
    counts : {"tiles": kept, "dropped": {reason: tiles}} where it is done.
    """

    slide_id: str
    status: str
    reason: str = ""
    counts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """What became of all slides of a run."""

    stage: str
    folder: Path
    started: float
    finished: float
    outcomes: tuple[Outcome, ...]

    @property
    def failed(self) -> list[Outcome]:
        """Return the slides that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    def write(self) -> None:
        """Put this run under its stage's name into the job's ``summary.json``, slide by slide.

        Slides of which another process tells stay; "done" is not lost to a later "done before" or "busy".

        Raises
        ------
        SetupError
            If the file cannot be written.
        """
        path = self.folder / "summary.json"
        try:
            with door(self.folder / "state"):
                whole = _read(path)
                before = outcomes_of(whole["runs"].get(self.stage))
                slides = {slide["slide_id"]: slide for slide in before}
                for outcome in self.outcomes:
                    known = slides.get(outcome.slide_id, {}).get("status")
                    weak = {"done before": {"done"}, "busy": {known}, "not asked for": {known}}
                    if known is None or known not in weak.get(outcome.status, ()):
                        slides[outcome.slide_id] = vars(outcome)
                whole["runs"][self.stage] = {
                    "started": self.started,
                    "finished": self.finished,
                    "counts": dict(Counter(slide["status"] for slide in slides.values())),
                    "slides": [slides[slide_id] for slide_id in sorted(slides)],
                }
                remove_left_overs(path)
                write_json(path, whole)
        except OSError as error:
            raise SetupError(why_not_written(path, error)) from error

    def markdown(self) -> str:
        """Return the summary for a person: one line, the failures, the slides."""
        counted = Counter(outcome.status for outcome in self.outcomes)
        tiles = sum(outcome.counts.get("tiles", 0) for outcome in self.outcomes)
        order = ("done", "done before", "busy", "failed", "not asked for")
        parts = [f"{counted[status]} {status}" for status in order if counted[status]]
        lines = [
            f"{self.stage}: {', '.join(parts)}; {tiles} tiles; {self.finished - self.started:.1f} s; {self.folder}"
        ]
        lines += [f"- {o.slide_id}: {o.reason}" for o in self.outcomes if o.reason]
        good = [outcome for outcome in self.outcomes if outcome.counts]
        if good:
            lines += ["", "| slide | status | tiles | dropped |", "|---|---|---:|---|"]
            lines += [f"| {o.slide_id} | {o.status} | {o.counts['tiles']} | {_dropped(o)} |" for o in good[:_SHOWN]]
        if len(good) > _SHOWN:
            lines.append(f"\n{len(good) - _SHOWN} more in {self.folder / 'summary.json'}")
        return "\n".join(lines)

    def check(self) -> None:
        """Raise ``PartialError`` if a slide failed."""
        if self.failed:
            where = self.folder / "summary.json"
            msg = f"{len(self.failed)} of {len(self.outcomes)} slides failed; each is named with its reason in {where}"
            raise PartialError(msg)


def _dropped(outcome: Outcome) -> str:
    return ", ".join(f"{number} {reason}" for reason, number in outcome.counts["dropped"].items() if number) or "none"


def _read(path: Path) -> dict[str, Any]:
    whole = read_json(path)
    sound = whole.get("format") == FORMAT and isinstance(whole.get("runs"), dict)
    return whole if sound else {"format": FORMAT, "runs": {}}


def count(reasons: Sequence[str]) -> dict[str, int]:
    """Return how often each reason occurs, in the order of the alphabet."""
    return dict(sorted(Counter(reasons).items()))
