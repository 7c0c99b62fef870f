"""Merge of updates by every rule: milliseconds and relative error, beside the same formula in numpy's float64.

    python -m benchmarks.merge [--parameters 500000] [--members 8] [--rounds 15] [--json]

The swarm's merge checks every update, is exact in integers and ends with the root that members sign; the reference
does neither and its last digits depend on the order of the members. Both run in turns in one process; the median
counts. The error is that of one merge's movement, in the Euclidean norm. Further rows: an update's way into bytes and
back, and the relative error of 16 bits.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import TYPE_CHECKING

import numpy as np

from wsi_swarm.swarm.merge.contribution import Contribution
from wsi_swarm.swarm.merge.rules import RULES, rule_from
from wsi_swarm.swarm.merge.whole import MergePlan, merge, model_of, start
from wsi_swarm.swarm.state.encoding import FixedState, Layout, encode
from wsi_swarm.swarm.state.update import pack_update, unpack_update

if TYPE_CHECKING:
    from collections.abc import Callable

BITS = 24
RADIUS, RATE = 0.5, 0.01
NEEDED = {"adam": {"rate": RATE}, "centred_clipping": {"radius": RADIUS}}


def reference(name: str, deltas: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the first round's movement as the papers' formulas stand, in float64."""
    n = len(deltas)
    mean = np.average(deltas, axis=0, weights=weights)
    match name:
        case "mean" | "momentum":
            return mean
        case "adam":
            return RATE * 0.1 * mean / (np.sqrt(0.01 * mean**2) + 1e-3)
        case "median":
            return np.median(deltas, axis=0)
        case "trimmed_mean":
            return np.sort(deltas, axis=0)[1:-1].mean(axis=0)
        case "multi_krum":
            apart = np.array([[((a - b) ** 2).sum() for b in deltas] for a in deltas])
            scores = np.sort(apart, axis=1)[:, 1 : n - 2].sum(axis=1)
            return deltas[np.argsort(scores)[: n - 1]].mean(axis=0)
        case "centred_clipping":
            centre = np.zeros_like(mean)
            for _ in range(3):
                away = deltas - centre
                scale = np.minimum(1, RADIUS / np.linalg.norm(away, axis=1))
                centre += (away * scale[:, None]).mean(axis=0)
            return centre
        case _:
            msg = f"{name} has no reference here; write it"
            raise ValueError(msg)


def median_ms(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return milliseconds of each, in turns, median over the rounds."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            begin = time.perf_counter()
            work()
            if turn:  # the first round warms up
                seconds[name].append(time.perf_counter() - begin)
    return {name: 1e3 * statistics.median(times) for name, times in seconds.items()}


def fresh(state: FixedState) -> FixedState:
    """Return the state without the root that it may remember."""
    return FixedState(state.layout, state.values)


def measure(parameters: int, members: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return the table: a row per rule, then the ways of an update."""
    draw = np.random.default_rng(0)
    layout = Layout((("w", (parameters,)),), BITS)
    model = encode({"w": draw.normal(0, 0.1, parameters).astype(np.float32)}, BITS)
    rows = [draw.normal(0, 1e-3 * 2**BITS, parameters).astype(np.int32) for _ in range(members)]
    weights = draw.integers(20, 500, members)
    parts = [
        Contribution(f"0x{i:02x}", int(weight), FixedState(layout, row))
        for i, (row, weight) in enumerate(zip(rows, weights, strict=True))
    ]
    floats = np.stack(rows) / 2.0**BITS
    table: dict[str, dict[str, float]] = {}
    for name in RULES:
        plan = MergePlan(rule_from({"rule": name, **NEEDED.get(name, {})}), not RULES[name].robust)
        whole = start(model, plan)
        counts = weights if plan.weighted else np.ones(members)

        def exact(whole: FixedState = whole, plan: MergePlan = plan) -> FixedState:
            return merge(whole, parts, plan)

        def plain(name: str = name, counts: np.ndarray = counts) -> np.ndarray:
            return reference(name, floats, counts)

        move = (model_of(exact()).values.astype(np.int64) - model.values) / 2.0**BITS
        error = np.linalg.norm(move - plain()) / np.linalg.norm(plain())
        works = {"merge_ms": exact, "with_root_ms": lambda exact=exact: exact().root, "float64_ms": plain}
        table[name] = {**median_ms(works, rounds), "relative_error": float(error)}
    delta = parts[0].delta
    for bits in (32, 16):
        blob, residual = pack_update(delta, bits, None)
        lost = (
            0.0 if residual is None else np.linalg.norm(residual.astype(float)) / np.linalg.norm(rows[0].astype(float))
        )
        works = {
            "pack_ms": lambda bits=bits: pack_update(delta, bits, None),
            "unpack_ms": lambda blob=blob: unpack_update(blob, model),
            "root_ms": lambda: fresh(delta).root,
        }
        row = {**median_ms(works, rounds), "bytes": len(blob), "relative_error": float(lost)}
        table[f"update of {bits} bits"] = row
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parameters", type=int, default=500_000)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    table = measure(given.parameters, given.members, given.rounds)
    if given.json:
        print(json.dumps(table, indent=2))
        return
    print(f"{given.parameters} parameters, {given.members} members, median of {given.rounds}")
    print(f"{'rule':<18} {'merge ms':>9} {'with root':>9} {'float64 ms':>10} {'ratio':>6} {'relative error':>14}")
    for name, row in table.items():
        if "merge_ms" in row:
            ratio = row["merge_ms"] / row["float64_ms"]
            times = f"{row['merge_ms']:9.1f} {row['with_root_ms']:9.1f} {row['float64_ms']:10.1f} {ratio:6.2f}"
            print(f"{name:<18} {times} {row['relative_error']:14.1e}")
        else:
            times = f"pack {row['pack_ms']:.1f} ms, unpack {row['unpack_ms']:.1f} ms, root {row['root_ms']:.1f} ms"
            print(f"{name:<18} {times}, {row['bytes']:.0f} bytes, relative error {row['relative_error']:.1e}")


if __name__ == "__main__":
    main()
