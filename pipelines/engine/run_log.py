"""What a run has come to: the outcome of each slide, the progress bar, sentences for the person who waits."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from pipelines.engine.extraction import tiles_of
from pipelines.progress import progress, say

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from pipelines.job import Job, Outcome
    from pipelines.slides import SlideEntry

_WEAKEST_FIRST = ("not asked for", "busy", "done before", "failed", "done")


class RunLog:
    """Collects from several threads or workers; see ``extraction.Listener``. Entered, it shows a progress bar.

    Parameters
    ----------
    job : the job.
    entries : slides of the run; their tiles are what the bar counts.
    what : shown before the bar.
    """

    def __init__(self, job: Job, entries: Sequence[SlideEntry], what: str) -> None:
        self._job = job
        self._entries = entries
        self._expected = {entry.id: tiles_of(job, entry.id) for entry in entries}
        self._read: Counter[str] = Counter()
        self._guard = threading.Lock()
        self._bar = progress(sum(self._expected.values()), what, "tile")
        self._outcomes: dict[str, Outcome] = {}

    def settled(self, outcome: Outcome) -> None:
        """Take how a slide ended; of several workers' outcomes the one that tells most counts."""
        with self._guard:
            known = self._outcomes.get(outcome.slide_id)
            if known is None or _rank(outcome) >= _rank(known):
                self._outcomes[outcome.slide_id] = outcome
            # The bar's total is what was to be read: a slide that is done before, or fails early, is not.
            self._bar.total += self._read[outcome.slide_id] - self._expected[outcome.slide_id]
            self._expected[outcome.slide_id] = self._read[outcome.slide_id]

    def tiles(self, slide_id: str, number: int) -> None:
        """Take how many more tiles of a slide have been read."""
        with self._guard:
            self._read[slide_id] += number
            surplus = self._read[slide_id] - self._expected[slide_id]
            if surplus > 0:  # read once more, after the worker that had read it died
                self._bar.total += surplus
                self._expected[slide_id] = self._read[slide_id]
            self._bar.update(number)

    def say(self, sentence: str) -> None:
        """Show a sentence on stderr."""
        say(sentence)

    def is_settled(self, slide_id: str) -> bool:
        """Return whether a slide needs no more work in this run."""
        return slide_id in self._outcomes and self._outcomes[slide_id].status != "busy"

    def is_told(self, slide_id: str) -> bool:
        """Return whether anything is known of a slide."""
        return slide_id in self._outcomes

    def outcomes(self) -> tuple[Outcome, ...]:
        """Return what became of each slide, in the order of the slides."""
        return tuple(self._outcomes[entry.id] for entry in self._entries if entry.id in self._outcomes)

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bar.close()


def _rank(outcome: Outcome) -> int:
    return _WEAKEST_FIRST.index(outcome.status)
