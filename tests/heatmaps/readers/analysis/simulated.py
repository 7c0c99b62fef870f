"""Tables in the shape of ``reader import`` with effects planted in them, from a seed."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np

from heatmaps.readers.analysis.answer_table import OPTIONAL

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = ("reader", "item", *OPTIONAL[:1], "question", "answer", *OPTIONAL[1:])
Row = dict[str, object]


def write_table(path: Path, rows: list[Row]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def plausibility(
    readers: int = 3, patients: int = 20, seed: int = 5, chance: tuple[float, float] = (0.7, 0.2)
) -> list[Row]:
    """Top tiles and controls; ``chance`` of a feature in each, and a support that follows it."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for number in range(4 * patients):
        top = number % 2 == 0
        shown = rng.random() < chance[0 if top else 1]
        for reader in range(readers):
            seen = shown if rng.random() < 0.9 else not shown
            support = int(np.clip(round((4 if shown else 2) + rng.normal(0, 0.8)), 1, 5))
            common = {
                "reader": f"R{reader + 1}", "item": f"item-{number:04d}", "group": "swarm" if top else "random",
                "kind": "study" if top else "control", "patient": f"P{number // 4:02d}",
                "seconds": round(float(rng.lognormal(2.5, 0.4)), 1), "position": number + 1, "edits": 0,
                "deviation": "too fast" if number == 7 else "",
            }  # fmt: skip
            answers = {
                "features.til": int(seen), "features.necrosis": int(rng.random() < 0.1),
                "features.none": int(not seen), "supports": support,
            }  # fmt: skip
            rows += [{**common, "question": q, "answer": a} for q, a in answers.items()]
            if number < 12:
                again = {
                    **common,
                    "item": f"item-{number:04d}-again",
                    "repeat_of": common["item"],
                    "position": 4 * patients + number + 1,
                }
                rows += [{**again, "question": q, "answer": a} for q, a in answers.items()]
    return rows


def preference(readers: int = 4, cases: int = 30, seed: int = 6, to_left: float = 0.0) -> list[Row]:
    """Two methods of which ``contribution`` is better; ``to_left`` is a habit to take the left one."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for case in range(cases):
        for reader in range(readers):
            left, right = ("contribution", "attention") if (case + reader) % 2 else ("attention", "contribution")
            pull = rng.normal(1.0 if left == "contribution" else -1.0, 1.0) + to_left
            answer = "equal" if abs(pull) < 0.3 else left if pull > 0 else right
            common = {
                "reader": f"R{reader + 1}", "item": f"item-{case:04d}", "patient": f"P{case}", "kind": "study",
                "left": left, "right": right, "seconds": 12.0, "position": case + 1, "edits": 0,
            }  # fmt: skip
            plausible = {
                m: int(np.clip(round(3 + (m == "contribution") + rng.normal(0, 0.8)), 1, 5)) for m in (left, right)
            }
            rows.append({**common, "question": "prefer", "answer": answer})
            rows += [{**common, "question": f"plausible.{m}", "answer": a} for m, a in plausible.items()]
    return rows


def with_ai(
    readers: int = 5, cases: int = 60, seed: int = 7, first: str = "before", follow: float = 0.5, decision: bool = True
) -> list[Row]:
    """Readers who move towards an AI that is right in four of five cases by the share ``follow``."""
    rng = np.random.default_rng(seed)
    rows: list[Row] = []
    for case in range(cases):
        truth = case % 2
        right = rng.random() < 0.8
        ai = float(np.clip((0.85 if truth == right else 0.15) + rng.normal(0, 0.08), 0.01, 0.99))
        for reader in range(readers):
            own = float(np.clip(50 + (12 if truth else -12) + rng.normal(0, 22), 0, 100))
            final = float(np.clip((1 - follow) * own + follow * 100 * ai + rng.normal(0, 4), 0, 100))
            for session, reading, value in (("1", first, own), ("1" if first == "before" else "2", "with", final)):
                common = {
                    "reader": f"R{reader + 1}", "item": f"item-{case:04d}", "patient": f"P{case}", "kind": "study",
                    "truth": truth, "ai": round(ai, 4), "session": session, "reading": reading, "edits": 0,
                    "position": case + 1, "seconds": float(rng.lognormal(3.0 - 0.3 * (reading == "with"), 0.4)),
                }  # fmt: skip
                answers: Row = {
                    "likelihood": round(value, 1),
                    "confidence": 3 + int(reading == "with" and rng.random() < 0.6),
                }
                if decision:
                    answers["decision"] = int(value >= 50)
                rows += [{**common, "question": q, "answer": a} for q, a in answers.items()]
    return rows
