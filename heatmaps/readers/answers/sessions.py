"""Were the sessions of a reader on their days, and far enough apart?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from heatmaps.readers.answers.answer_file import Answer
    from heatmaps.readers.kit.key import Showing
    from heatmaps.readers.kit.study_file import Assistance

WASHOUT, EARLY = "washout", "before its date"
_EASTERNMOST = timedelta(hours=14)
"""Times are in UTC and days are the reader's own: somewhere a day begins this much earlier."""


def session_deviations(
    showings: Sequence[Showing], answers: Mapping[str, Answer], how: Assistance
) -> dict[str, list[str]]:
    """Return what speaks against answers, by opaque name: read before its session's day, or too soon after the first.

    A case's second reading is held against its own first one.
    """
    first = {one.item: answers[one.opaque] for one in showings if one.session == "1" and one.opaque in answers}
    found: dict[str, list[str]] = {}
    for one in showings:
        answer = answers.get(one.opaque)
        if answer is None:
            continue
        shown = datetime.fromisoformat(answer.shown)
        days = how.not_before[int(one.session) - 1 :][:1]
        if days and (shown + _EASTERNMOST).date().isoformat() < days[0]:
            found.setdefault(one.opaque, []).append(EARLY)
        if one.session == "2" and one.item in first:
            apart = shown - datetime.fromisoformat(first[one.item].answered)
            if apart < timedelta(days=how.washout_days):
                found.setdefault(one.opaque, []).append(WASHOUT)
    return found
