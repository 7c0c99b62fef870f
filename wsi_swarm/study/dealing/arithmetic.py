"""How many cases and controls each node gets, and which whole batches: the arithmetic behind ``deal``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

TRIES = 32
"""Ways of giving batches away that are looked at; the one with the most equal nodes is taken."""


def rounded(size: int, part: int, whole: int) -> int:
    """Return ``size * part / whole`` rounded half up, exactly; it never falls as ``size`` grows."""
    return (2 * size * part + whole) // (2 * whole)


def with_both_classes(size: int, cases: int) -> int:
    """Return ``cases`` moved so that a node of ``size`` has a case and a control."""
    return min(max(1, cases), size - 1)


def of_equal_prevalence(n_cases: int, n_controls: int, sizes: Sequence[float]) -> list[tuple[int, int]]:
    """Share all cases and controls out by size; return (cases, controls) by node.

    Cases by largest remainder. Controls are rounded down, and those left over go where a node is furthest below the
    size that it should have, so that sizes too come out within one patient.

    Parameters
    ----------
    n_cases, n_controls
        Patients.
    sizes
        Shares by node, of any sum.
    """
    shares = np.asarray(sizes, float) / np.sum(sizes)
    cases = _largest_remainder(n_cases, shares)
    controls = _floor(n_controls * shares)
    lacking = (n_cases + n_controls) * shares - cases - controls
    controls[np.argsort(-lacking, kind="stable")[: n_controls - controls.sum()]] += 1
    return list(zip(cases.tolist(), controls.tolist(), strict=True))


def of_given_prevalence(
    n_cases: int, n_controls: int, sizes: Sequence[float], prevalence: Sequence[float]
) -> list[tuple[int, int]]:
    """Return (cases, controls) by node for the most patients that still give each node its size and prevalence.

    Parameters
    ----------
    n_cases, n_controls
        Patients there are; those that do not fit are left over.
    sizes
        Shares by node, of any sum.
    prevalence
        Share of cases by node.
    """
    shares, wanted = np.asarray(sizes, float) / np.sum(sizes), np.asarray(prevalence, float)
    total = int(min(n_cases / (shares @ wanted), n_controls / (shares @ (1.0 - wanted))))
    while total >= 2 * len(shares):
        each = _largest_remainder(total, shares)
        cases = np.clip(_floor(each * wanted + 0.5), 1, np.maximum(each - 1, 1))
        if each.min() >= 2 and cases.sum() <= n_cases and (each - cases).sum() <= n_controls:
            return list(zip(cases.tolist(), (each - cases).tolist(), strict=True))
        total -= 1
    msg = (
        f"{n_cases} cases and {n_controls} controls are too few for {len(shares)} nodes with these sizes and "
        "prevalences and at least one patient of each class; ask for fewer nodes or milder shares"
    )
    raise ConfigError(msg)


def whole_batches(
    is_case: NDArray[np.bool_], batches: NDArray[np.str_], nodes: int, rng: np.random.Generator
) -> NDArray[np.int_]:
    """Give whole batches to nodes; return the node of each patient.

    Large batches roughly first, each to a node that lacks a class which it brings, else to the smallest node.

    Parameters
    ----------
    is_case, batches
        (n,) of the patients.
    nodes
        How many.
    rng
        Draws the order; ``TRIES`` orders are looked at.

    Raises
    ------
    ConfigError
        If a patient has no batch, there are fewer batches than nodes, or no order gives every node both classes.
    """
    if (batches == "").any():
        msg = (
            f"{int((batches == '').sum())} patients have no batch; fill the column or deal in another way than 'batch'"
        )
        raise ConfigError(msg)
    names, index = np.unique(batches, return_inverse=True)
    if len(names) < nodes:
        msg = f"{len(names)} batches are too few for {nodes} nodes, as a batch is never split; ask for fewer nodes"
        raise ConfigError(msg)
    counts = np.stack([np.bincount(index, ~is_case), np.bincount(index, is_case)], axis=1).astype(int)
    best: tuple[int, NDArray[np.int_]] | None = None
    lacking: list[str] = []
    for _ in range(TRIES):
        home, held = _give_away(counts, nodes, rng)
        if held.min() == 0:
            node, what = np.argwhere(held == 0)[0]
            lacking.append(f"node {node + 1} gets no {('control', 'case')[what]}")
            continue
        spread = int(np.ptp(held.sum(axis=1)))
        if best is None or spread < best[0]:
            best = spread, home
    if best is None:
        msg = (
            f"{len(names)} whole batches cannot be given to {nodes} nodes so that each has cases and controls "
            f"({lacking[0]}); ask for fewer nodes or deal in another way than 'batch'"
        )
        raise ConfigError(msg)
    return best[1][index]


def _give_away(
    counts: NDArray[np.int_], nodes: int, rng: np.random.Generator
) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Return the node of each batch, and (nodes, 2) controls and cases."""
    held, home = np.zeros((nodes, 2), int), np.zeros(len(counts), int)
    for batch in np.argsort(-counts.sum(axis=1) * rng.uniform(0.5, 1.5, len(counts)), kind="stable"):
        brings = ((held == 0) & (counts[batch] > 0)).sum(axis=1)
        # The last key counts first; the random one parts what is alike.
        node = np.lexsort((rng.random(nodes), held.sum(axis=1), -brings))[0]
        held[node] += counts[batch]
        home[batch] = node
    return home, held


def _largest_remainder(total: int, shares: NDArray[np.floating[Any]]) -> NDArray[np.int_]:
    exact = total * shares
    found = _floor(exact)
    found[np.argsort(found - exact, kind="stable")[: total - found.sum()]] += 1
    return found


def _floor(values: NDArray[np.floating[Any]]) -> NDArray[np.int_]:
    # 0.3 * 10 is 2.9999999999999996 in floating point, which must stay 3.
    return np.floor(values + 1e-9).astype(int)
