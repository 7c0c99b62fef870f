"""The verdicts as a reader wants them: at a glance, then one by one with their sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wsi_swarm.study.report.frame import SHOWN
from wsi_swarm.study.types import ARMS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wsi_swarm.study.types import Verdict

OUTCOMES = ("yes", "open", "no")
FOLDED = 14
"""A scenario with more verdicts than these folds their sentences under their counts, whatever they say."""

MANY_SCENARIOS, MANY_VERDICTS = 4, 24
"""From so many scenarios on, or with more verdicts, all sentences are folded: the overview shows every answer."""

_ASKED = {
    "node": ("Did the swarm beat each centre alone?", "beats each node"),
    "best node": ("Did the swarm beat the best centre alone?", "beats the best node"),
    "nodes": ("Did the swarm beat the centres’ mean?", "beats the nodes’ mean"),
    "merged": ("Did the swarm reach merged data?", "reaches merged data"),
}
"""What can be asked of the whole study, and how the overview calls it for one arm."""

_MEANING = {
    "beats": {"yes": "better", "open": "cannot be told", "no": "worse"},
    "reaches": {"yes": "within the margin", "open": "cannot be told", "no": "below the margin"},
}


@dataclass(frozen=True)
class Card:
    """One question over the whole study: per outcome how often it was given, and what it means."""

    asked: str
    entries: tuple[tuple[str, int, str], ...]
    total: int


@dataclass(frozen=True)
class Cell:
    """How often each outcome was given to one question of one model, of ``total`` times."""

    counts: Mapping[str, int]
    total: int


@dataclass(frozen=True)
class Line:
    """One line of the overview: a scenario (with learner, target and metric), and a cell per column or None."""

    scenario: str
    what: str
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True)
class Block:
    """A scenario's verdicts, in the order in which they were given."""

    scenario: str
    verdicts: tuple[Verdict, ...]
    counts: Mapping[str, int]
    folded: bool


@dataclass(frozen=True)
class Answers:
    """Everything of the page's first part.

    Attributes
    ----------
    cards, lines, blocks
        The whole study, then by scenario at a glance, then sentence by sentence.
    columns
        Of the overview: an arm and what it is asked for.
    spans
        Arms with the number of their columns.
    methods
        How intervals were made, each with the comparisons for which they were made so.
    best
        Whether a best node was asked for.
    """

    cards: tuple[Card, ...]
    columns: tuple[tuple[str, str], ...]
    spans: tuple[tuple[str, int], ...]
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...]
    methods: tuple[tuple[str, str], ...]
    best: bool


def answers(verdicts: Sequence[Verdict]) -> Answers:
    """Order verdicts for the page."""
    arms = sorted({v.arm for v in verdicts}, key=lambda arm: (ARMS.index(arm) if arm in ARMS else len(ARMS), arm))
    kinds = [kind for kind in _ASKED if any(v.rival == kind for v in verdicts)]
    asked = [(arm, kind) for arm in arms for kind in kinds if _some(verdicts, arm, kind)]
    scenarios = dict.fromkeys(v.scenario for v in verdicts)
    folded = len(scenarios) >= MANY_SCENARIOS or len(verdicts) > MANY_VERDICTS
    lines = []
    for key in dict.fromkeys((v.scenario, v.learner, v.target, v.metric) for v in verdicts):
        scenario, learner, target, metric = key
        here = [v for v in verdicts if (v.scenario, v.learner, v.target, v.metric) == key]
        what = f"{learner}, {target}, {SHOWN.get(metric, metric)}"
        lines.append(Line(scenario, what, tuple(_cell(_some(here, arm, kind)) for arm, kind in asked)))
    return Answers(
        tuple(_card([v for v in verdicts if v.rival == kind], kind) for kind in kinds),
        tuple((arm, _ASKED[kind][1]) for arm, kind in asked),
        tuple(Counter(arm for arm, _ in asked).items()),
        tuple(lines),
        tuple(_block(scenario, verdicts, folded) for scenario in scenarios),
        _methods(verdicts),
        "best node" in kinds,
    )


def question(verdict: Verdict) -> str:
    """Return what a verdict answers, as a short question."""
    arm = verdict.arm[:1].upper() + verdict.arm[1:]
    if verdict.question == "beats":
        return f"{arm} better than {verdict.against}?"
    return f"{arm} at most {verdict.margin:g} below {verdict.against}?"


def metric_name(verdict: Verdict) -> str:
    """Return the metric of a verdict as people write it."""
    return SHOWN.get(verdict.metric, verdict.metric)


def _card(verdicts: Sequence[Verdict], kind: str) -> Card:
    counts = Counter(v.outcome for v in verdicts)
    meaning = _MEANING["reaches" if kind == "merged" else "beats"]
    return Card(_ASKED[kind][0], tuple((o, counts[o], meaning[o]) for o in OUTCOMES), len(verdicts))


def _some(verdicts: Sequence[Verdict], arm: str, kind: str) -> list[Verdict]:
    return [v for v in verdicts if v.arm == arm and v.rival == kind]


def _cell(verdicts: Sequence[Verdict]) -> Cell | None:
    return Cell(_counts(verdicts), len(verdicts)) if verdicts else None


def _counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    counts = Counter(v.outcome for v in verdicts)
    return {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}


def _block(scenario: str, verdicts: Sequence[Verdict], folded: bool) -> Block:
    here = tuple(v for v in verdicts if v.scenario == scenario)
    return Block(scenario, here, _counts(here), folded or len(here) > FOLDED)


def _methods(verdicts: Sequence[Verdict]) -> tuple[tuple[str, str], ...]:
    every = len({v.scenario for v in verdicts})
    found = []
    for method in dict.fromkeys(v.method for v in verdicts if v.method):
        own = [v for v in verdicts if v.method == method]
        scenarios = dict.fromkeys(v.scenario for v in own)
        where = "" if len(scenarios) == every else f": {', '.join(scenarios)}"
        found.append((method, f"{len(own)} of {len(verdicts)} comparisons{where}"))
    return tuple(found)
