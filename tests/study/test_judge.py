"""Verdicts say yes only where the interval does, and their intervals cover what they claim."""

from __future__ import annotations

import numpy as np
import pytest

from wsi_swarm.study.judge import Question, Scored, verdicts


def repeat(rng, labels, better, patients=None):
    """Scores of two nodes, merged data and a swarm whose separations differ as ``better`` says."""
    draw = {name: 1 / (1 + np.exp(-(labels * shift + rng.normal(0, 1, len(labels))))) for name, shift in better.items()}
    return Scored(patients or tuple(f"p{i}" for i in range(len(labels))), labels, draw, 800)


def asked(repeats, resampled, metric="auroc", margin=0.05):
    about = Question("s", "lasso", "MSI", metric, margin, resampled)
    return {(one.question, one.against): one for one in verdicts(about, repeats, ["swarm weighted"], seed=0)}


@pytest.mark.parametrize("resampled", [True, False])
def test_a_clear_win_a_tie_and_a_loss(resampled):
    rng, labels = np.random.default_rng(1), np.arange(200) % 2
    shifts = {"local a": 0.5, "local b": 0.8, "merged": 2.0, "swarm weighted": 2.0}
    told = asked([repeat(rng, labels, shifts) for _ in range(8)], resampled)
    best = told["beats", "the best node, b"]
    assert (best.outcome, best.low > 0, "beat the best node, b" in best.words) == ("yes", True, True)
    assert told["beats", "the nodes' mean"].difference > best.difference
    assert told["reaches", "merged data"].outcome == "yes"
    shifts["swarm weighted"] = 0.0
    told = asked([repeat(rng, labels, shifts) for _ in range(8)], resampled)
    assert told["beats", "the best node, b"].outcome == "no"
    assert "stayed more than 0.05 below merged data" in told["reaches", "merged data"].words


def test_few_repeats_of_random_splits_leave_the_question_open():
    rng, labels = np.random.default_rng(1), np.arange(40) % 2
    shifts = {"local a": 0.0, "merged": 2.0, "swarm weighted": 2.0}
    told = asked([repeat(rng, labels, shifts) for _ in range(2)], resampled=True)
    for verdict in told.values():
        assert (verdict.outcome, verdict.low) == ("open", None)
        assert "too few" in verdict.method


def test_equal_in_every_repeat_reaches_and_does_not_beat():
    labels = np.arange(20) % 2
    scores = dict.fromkeys(("local a", "merged", "swarm weighted"), labels * 0.8 + 0.1)
    repeats = [Scored(tuple(map(str, range(20))), labels, scores, 80)] * 5
    for resampled in (True, False):
        told = asked(repeats, resampled, metric="accuracy")
        assert told["reaches", "merged data"].outcome == "yes"
        assert told["beats", "the best node, a"].outcome == "open"
        assert told["beats", "the best node, a"].low is None


def test_the_bootstrap_covers_the_true_difference():
    """Over many drawn studies with one test set, about 57 of 60 intervals hold the difference of all patients."""
    rng, held = np.random.default_rng(3), 0
    everybody = repeat(rng, np.arange(40_000) % 2, {"merged": 1.0, "swarm weighted": 1.3})
    from sklearn.metrics import roc_auc_score

    truth = roc_auc_score(everybody.labels, everybody.scores["swarm weighted"]) - roc_auc_score(
        everybody.labels, everybody.scores["merged"]
    )
    for _ in range(60):
        rows = rng.permutation(40_000)[:120]
        scores = {name: values[rows] for name, values in everybody.scores.items()}
        one = Scored(tuple(map(str, rows)), everybody.labels[rows], scores, 100)
        verdict = asked([one], resampled=False)["reaches", "merged data"]
        held += verdict.low <= truth <= verdict.high
    assert 52 <= held <= 60


def test_a_patient_of_several_repeats_is_drawn_for_all_of_them():
    """Ten repeats of the same scores know no more than one: the interval is as wide."""
    rng, labels = np.random.default_rng(5), np.arange(60) % 2
    one = repeat(rng, labels, {"merged": 1.0, "swarm weighted": 1.2})
    alone, often = (asked([one] * count, resampled=False)["reaches", "merged data"] for count in (1, 10))
    assert (often.high - often.low) == pytest.approx(alone.high - alone.low, rel=1e-9)
