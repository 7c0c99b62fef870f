from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.cohort import load_unlabelled_cohort
from models.model_file import Model
from models.predict import predict_bag, predict_cohort
from pipelines.errors import ConfigError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable


def cohort(tables):
    return load_unlabelled_cohort(tables.slides, tables.features)


def test_a_patient_is_one_bag_of_all_slides(model: Model, planted_centre: Callable) -> None:
    centre = planted_centre("A", 4, 1)
    result = predict_cohort(model, cohort(centre))
    assert list(result.table.columns) == ["PATIENT", "n_slides", "slides_as", "n_tiles", "MSI_MSIH", "BRAF_MUT"]
    assert set(result.table["slides_as"]) == {"bag"}
    assert result.table["n_slides"].tolist() == [2] * 4
    assert result.failed == ()
    slides = predict_cohort(model, cohort(centre), level="slide")
    assert list(slides.table.columns) == ["PATIENT", "FILENAME", "n_tiles", "MSI_MSIH", "BRAF_MUT"]
    assert len(slides.table) == 8
    assert slides.table.groupby("PATIENT")["n_tiles"].sum().tolist() == result.table["n_tiles"].tolist()


def test_slides_may_be_averaged_and_the_table_says_so(model: Model, planted_centre: Callable) -> None:
    centre = planted_centre("A", 4, 1)
    result = predict_cohort(model, cohort(centre), slides_as="average").table
    assert set(result["slides_as"]) == {"average"}
    slides = predict_cohort(model, cohort(centre), level="slide").table
    for column in ("MSI_MSIH", "BRAF_MUT"):
        assert np.allclose(result[column], slides.groupby("PATIENT")[column].mean(), atol=1e-12)
    bags = predict_cohort(model, cohort(centre)).table
    assert result["n_tiles"].tolist() == bags["n_tiles"].tolist()
    assert (result["MSI_MSIH"] != bags["MSI_MSIH"]).all()
    capped = predict_cohort(model, cohort(centre), bag_tiles=5, slides_as="average").table
    assert capped["n_tiles"].tolist() == [10] * 4
    for wrong in ({"slides_as": "mean"}, {"slides_as": "average", "level": "slide"}):
        with pytest.raises(ConfigError, match="slides_as is 'bag' or, by patient only, 'average'"):
            predict_cohort(model, cohort(centre), **wrong)


def test_the_probability_is_the_sigmoid_of_the_networks_logit(model: Model) -> None:
    bag = np.random.default_rng(0).normal(size=(30, 16)).astype(np.float16)
    logits = model.network()(torch.from_numpy(bag.astype(np.float32))).logits.numpy().astype(float)
    found = predict_bag(model, bag)
    assert list(found) == ["MSI", "BRAF"]
    assert np.allclose(list(found.values()), 1 / (1 + np.exp(-logits)), atol=1e-12)


def test_a_cap_does_not_depend_on_the_other_patients(model: Model, planted_centre: Callable) -> None:
    centre = planted_centre("A", 5, 1)
    everybody = predict_cohort(model, cohort(centre), bag_tiles=10, seed=1).table
    assert everybody["n_tiles"].tolist() == [10] * 5
    lines = centre.slides.read_text().splitlines()
    centre.slides.write_text("\n".join([lines[0], *lines[5:7]]) + "\n")
    alone = predict_cohort(model, cohort(centre), bag_tiles=10, seed=1).table
    assert alone.iloc[0].tolist() == everybody.iloc[2].tolist()
    other = predict_cohort(model, cohort(centre), bag_tiles=10, seed=2).table
    assert other["MSI_MSIH"].tolist() != alone["MSI_MSIH"].tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"encoder": "uni"},
        {"card_sha256": "cd" * 32},
        {"weights_sha256": "ef" * 32},
        {"tile_um": 256.0},
        {"mpp": 1.0},
    ],
)
def test_features_of_another_kind_are_refused(
    model: Model, planted_centre: Callable, change: dict[str, object]
) -> None:
    other = Model(model.state, replace(model.spec, features=replace(model.spec.features, **change)))
    with pytest.raises(InputError, match=r"the model reads features of .* and these are of toy"):
        predict_cohort(other, cohort(planted_centre("A", 2, 1)))


def test_bags_that_cannot_be_read_are_refused(model: Model) -> None:
    for wrong in (np.zeros((0, 16)), np.zeros((3, 15)), np.zeros(16)):
        with pytest.raises(InputError, match="16 numbers each and got shape"):
            predict_bag(model, wrong)
    with pytest.raises(InputError, match="not finite"):
        predict_bag(model, np.full((2, 16), np.nan))


def test_a_slide_without_features_is_named_and_the_rest_predicted(model: Model, planted_centre: Callable) -> None:
    centre = planted_centre("A", 3, 1)
    (centre.features / "A-P001-a.h5").unlink()
    (centre.features / "A-P002-a.h5").unlink()
    (centre.features / "A-P002-b.h5").unlink()
    result = predict_cohort(model, cohort(centre))
    assert result.table["PATIENT"].tolist() == ["A-P000", "A-P001"]
    assert len(result.failed) == 4
    assert result.failed[-1] == "patient A-P002: none of the slides has features"


def test_an_unknown_level_is_refused(model: Model, planted_centre: Callable) -> None:
    with pytest.raises(ConfigError, match="level is 'patient' or 'slide'"):
        predict_cohort(model, cohort(planted_centre("A", 2, 1)), level="tile")
