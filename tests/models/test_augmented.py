"""Training from augmented sets: drawn by the learner's own seed, aligned with the base set, and never in evaluation."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.bags import Bag, data_sha256, load_bag
from models.cohort import Patient, load_cohort
from models.mil_learner import Hyperparameters, MilLearner
from models.model_file import Model, load_model
from models.predict import predict_bag
from models.train import train_model
from pipelines.errors import InputError, WsiSwarmError
from pipelines.features import Features, read_features, write_features
from wsi_swarm.swarm.config import FeatureConfig, RunConfig, TargetConfig
from wsi_swarm.swarm.node.learning import hyperparameters

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from models.learner import State


def digest(state: State) -> str:
    return hashlib.sha256(b"".join(name.encode() + state[name].tobytes() for name in sorted(state))).hexdigest()


def add_set(path: Path, number: int, values: np.ndarray | None = None, **changed: object) -> Path:
    """Write an augmented set of a feature file; by default its own values moved by ``number``."""
    base = read_features(path)
    values = base.features + np.float16(number) if values is None else values
    attrs = {**base.attrs, "augmentation_set": number, **changed}
    made = path.parent / f"augment-{number}" / path.name
    made.parent.mkdir(exist_ok=True)
    write_features(made, Features(base.slide_id, values, base.coords[: len(values)], attrs))
    return made


@pytest.fixture
def patient(tables) -> Patient:
    rng = np.random.default_rng(0)
    slides = tuple(tables.slide(name, rng.normal(size=(5, 16))) for name in ("a", "b"))
    for path in slides:
        for number in (1, 2, 10):
            add_set(path, number)
    return Patient("P", slides, {"MSI": 1})


def test_sets_are_read_by_number_and_only_when_asked_for(patient: Patient) -> None:
    assert load_bag(patient).augmented == ()
    bag = load_bag(patient, augmented=True)
    assert (bag.tiles == load_bag(patient).tiles).all()
    assert [further.shape for further in bag.augmented] == [(10, 16)] * 3
    for number, further in zip((1, 2, 10), bag.augmented, strict=True):
        assert further.dtype == np.float16
        assert np.allclose(further, bag.tiles.astype(np.float32) + number, atol=0.01)


def test_a_bag_comes_from_one_set_and_all_sets_come(patient: Patient) -> None:
    bag = load_bag(patient, augmented=True)
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(200):
        moved = bag.sample(4, rng)[:, None] - bag.tiles.astype(np.float32)[None]
        offsets = np.round(moved[np.arange(4), np.abs(moved - np.round(moved)).sum(axis=2).argmin(axis=1)].mean(axis=1))
        assert len(set(offsets.tolist())) == 1
        seen.append(offsets[0])
    assert sorted(set(seen)) == [0, 1, 2, 10]
    assert min(seen.count(offset) for offset in (0, 1, 2, 10)) > 25


def test_without_sets_nothing_is_drawn_for_them() -> None:
    tiles = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float16)
    first, second = np.random.default_rng(5), np.random.default_rng(5)
    Bag("P", tiles[:3]).sample(4, first)
    assert first.random() == second.random()


def spoil_missing(path: Path) -> None:
    (path.parent / "augment-2" / path.name).unlink()


def spoil_rows(path: Path) -> None:
    add_set(path, 2, read_features(path).features[:4])


def spoil_order(path: Path) -> None:
    made = path.parent / "augment-2" / path.name
    features = read_features(made)
    write_features(made, Features(features.slide_id, features.features, features.coords[::-1], features.attrs))


def spoil_kind(path: Path) -> None:
    add_set(path, 2, encoder="other")


def spoil_all(path: Path) -> None:
    for folder in path.parent.glob("augment-*"):
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_missing, "b.h5 is missing, but .*run 'wsi-swarm extract' again with the same --augment"),
        (spoil_rows, "holds other tiles, or tiles in another order, than"),
        (spoil_order, "holds other tiles, or tiles in another order, than"),
        (spoil_kind, "holds features of another kind than"),
        (spoil_all, "holds no augmented sets; extract with --augment, or train without them"),
    ],
)
def test_sets_that_do_not_fit_are_refused(patient: Patient, spoil: Callable[[Path], None], message: str) -> None:
    spoil(patient.slides[1])
    with pytest.raises(InputError, match=message):
        load_bag(patient, augmented=True)
    assert len(load_bag(patient).tiles) == 10


def test_slides_of_different_folders_need_equally_many_sets(tables, patient: Patient) -> None:
    base = read_features(patient.slides[0])
    elsewhere = tables.folder / "other" / "c.h5"
    write_features(elsewhere, base)
    add_set(elsewhere, 1)
    with pytest.raises(InputError, match="different numbers of augmented sets"):
        load_bag(Patient("P", (*patient.slides, elsewhere), {}), augmented=True)


def signal_in_sets_only(bags: list[Bag]) -> list[Bag]:
    """Move the planted signal out of the base set."""
    noise = [np.random.default_rng(i).normal(0, 0.5, bag.tiles.shape).astype(np.float16) for i, bag in enumerate(bags)]
    return [Bag(bag.patient_id, flat, (bag.tiles,) * 3) for bag, flat in zip(bags, noise, strict=True)]


def test_a_learner_learns_from_the_sets_and_stays_a_pure_function(make_planted: Callable, make_spec: Callable) -> None:
    bags, labels = make_planted(30, seed=1)
    learner = MilLearner.from_bags(signal_in_sets_only(bags), labels, make_spec())
    blind = MilLearner.from_bags([Bag(b.patient_id, b.tiles) for b in learner.bags], labels, make_spec())
    start = learner.initial_state(3)
    first = learner.train(start, 1, 4, 6, 3)
    np.random.seed(1)
    assert digest(first.state) == digest(learner.train(start, 1, 4, 6, 3).state)
    assert digest(first.state) != digest(blind.train(start, 1, 4, 6, 3).state)
    assert learner.data_sha256() != blind.data_sha256()
    assert blind.data_sha256() == data_sha256(blind.bags, labels)

    test_bags, test_labels = make_planted(60, seed=2)

    def auroc(trained: MilLearner) -> float:
        model = Model(train_model(trained, 10, 20, seed=0), trained.spec)
        scores = [predict_bag(model, bag.tiles)["MSI"] for bag in test_bags]
        return float(roc_auc_score(test_labels[:, 0], scores))

    assert auroc(learner) > 0.9
    assert auroc(blind) < 0.75


@pytest.fixture
def augmented_centre(planted_centre: Callable):
    centre = planted_centre("A", 10, 1)
    for path in sorted(centre.features.glob("*.h5")):
        add_set(path, 1)
    return centre


def test_the_command_trains_from_the_sets_only_when_told(augmented_centre, tmp_path: Path, monkeypatch, capfd) -> None:
    from wsi_swarm.cli.main import main

    def train(name: str, *more: str) -> Path:
        out = tmp_path / name
        tables = ("--clini", augmented_centre.clini, "--slides", augmented_centre.slides)
        given = ("--features", augmented_centre.features, "--target", "MSI", "--out", out, "--rounds", 1, "--steps", 4)
        monkeypatch.setattr("sys.argv", ["wsi-swarm", "train", *map(str, (*tables, *given, *more))])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capfd.readouterr().err
        return out

    plain, augmented, again = train("plain"), train("augmented", "--augmented"), train("again", "--augmented")
    assert augmented.read_bytes() == again.read_bytes()
    models = [load_model(path) for path in (plain, augmented)]
    assert digest(models[0].state) != digest(models[1].state)
    assert [model.spec.provenance["training"]["augmented"] for model in models] == [False, True]


def test_a_cohort_and_its_evaluation_do_not_see_the_sets(augmented_centre) -> None:
    cohort = load_cohort(augmented_centre.clini, augmented_centre.slides, augmented_centre.features, ["MSI"])
    assert len(cohort.patients) == 10
    assert all("augment" not in str(path) for patient in cohort.patients for path in patient.slides)
    assert all(load_bag(patient).augmented == () for patient in cohort.patients)
    learner = MilLearner(cohort, hyperparameters=Hyperparameters(augmented=True))
    assert all(len(bag.augmented) == 1 for bag in learner.bags)


def test_a_swarm_may_agree_on_it() -> None:
    target = TargetConfig(name="MSI", positive="MSIH", negative=("nonMSIH",))
    features = FeatureConfig(encoder="toy", card_sha256="ab" * 32, weights_sha256="", dim=16, tile_um=112.0, mpp=0.5)

    def agreed(**learner: object) -> Hyperparameters:
        return hyperparameters(RunConfig(name="r", targets=(target,), features=features, learner=learner))

    assert agreed(augmented=True).augmented is True
    assert agreed().augmented is False
    for entry, message in (({"augmented": 1}, "must be true or false"), ({"dropout": True}, "must be a number like")):
        with pytest.raises(WsiSwarmError, match=message):
            agreed(**entry)
