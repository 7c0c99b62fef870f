"""From run.toml to a learner of each kind, to the first whole state and to the model file."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner

from models.model_file import load_model, save_model
from models.tabular.model import load_table_model
from models.tabular.table import columns_sha256
from pipelines.features import Features, describe, write_features
from wsi_swarm.cli.main import app
from wsi_swarm.errors import ConfigError, InputError
from wsi_swarm.swarm.config import RunConfig
from wsi_swarm.swarm.merge import whole
from wsi_swarm.swarm.merge.whole import Contribution
from wsi_swarm.swarm.node.learning import final_model, hyperparameters, initial_model, make_learner
from wsi_swarm.swarm.state.encoding import decode, difference, encode

if TYPE_CHECKING:
    from pathlib import Path

    from models.learner import Learner

GENES = tuple(f"g{number:02}" for number in range(12))
KINDS = ("attention_mil", "mlp", "lasso")
ADAM = {"rule": "adam", "rate": 0.01}
CONTRACT = "0x" + "ab" * 20


def run_config(kind: str, **changes: Any) -> RunConfig:
    learner: dict[str, Any] = {"kind": kind}
    values: dict[str, Any] = {
        "name": "test",
        "targets": ({"name": "AML", "positive": "yes", "negative": ("no",)},),
        "rounds": 4,
        "sync_steps": 5,
    }
    if kind == "attention_mil":
        values["features"] = {
            "encoder": "test", "card_sha256": "ab" * 32, "weights_sha256": "", "dim": 12, "tile_um": 112.0, "mpp": 0.5,
        }  # fmt: skip
        learner |= {"hidden": 8, "attention": 4, "bag_tiles": 4}
    else:
        values["table"] = {"columns_sha256": columns_sha256(GENES), "n_features": len(GENES)}
        learner |= {"hidden": "8"} if kind == "mlp" else {"penalty": 0.03}
    return RunConfig.model_validate({**values, "learner": learner, **changes})


def write_centre(folder: Path, patients: int, seed: int, genes: tuple[str, ...] = GENES) -> dict[str, Path]:
    """Write one centre's clinical table with both slides and a table of measurements."""
    noise = np.random.default_rng(seed)
    (folder / "features").mkdir(parents=True)
    clini, slides, table = [("PATIENT", "AML")], [("PATIENT", "FILENAME")], [("PATIENT", *genes)]
    for number in range(patients):
        name, positive = f"p{seed}-{number:03d}", number % 2 == 0
        values = noise.normal(0, 1, (6, 12))
        values[:, 0] += 2.0 * positive
        coords = np.stack(np.divmod(np.arange(6), 4), 1).astype(np.int32) * 224
        attrs = describe(slide_size=(1000, 1000), mpp=0.5, encoder="test", encoder_card_sha256="ab" * 32)
        write_features(folder / "features" / f"{name}.h5", Features(name, values.astype(np.float16), coords, attrs))
        clini.append((name, "yes" if positive else "no"))
        slides.append((name, f"{name}.svs"))
        table.append((name, *(f"{value:.4f}" for value in np.resize(values[0], len(genes)))))
    for name, rows in (("clini", clini), ("slides", slides), ("table", table)):
        with (folder / f"{name}.csv").open("w", newline="") as file:
            csv.writer(file).writerows(rows)
    return {"clini": folder / "clini.csv", "slides": folder / "slides.csv", "table": folder / "table.csv",
            "features": folder / "features"}  # fmt: skip


def learner_of(config: RunConfig, files: dict[str, Path]) -> Learner:
    names = ("clini", "slides", "features") if config.features else ("clini", "table")
    return make_learner(config, **{name: files[name] for name in names})


def trained(config: RunConfig, learners: list[Learner], start: Path | None = None) -> bytes | Any:
    """Return the whole state after all rounds of a swarm in this process."""
    state = initial_model(config, start)
    assert state is not None
    plan = config.merge_plan
    for index in range(config.rounds):
        base = whole.model_of(state)
        updates = []
        for number, one in enumerate(learners):
            steps = config.local_steps(whole.steps_of(state, plan), one.steps_per_epoch)
            result = one.train(decode(base), index, config.rounds, steps, config.seed)
            delta = difference(encode(result.state, config.fraction_bits), base)
            updates.append(Contribution(str(number), one.n_patients, delta, result.loss))
        state = whole.merge(state, updates, plan)
    return state


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("merge", [{"rule": "mean"}, ADAM])
def test_each_kind_goes_from_tables_to_a_model_file(tmp_path: Path, kind: str, merge: dict[str, Any]) -> None:
    config = run_config(kind, merge=merge)
    learners = [learner_of(config, write_centre(tmp_path / str(n), 8 + 2 * n, n)) for n in range(3)]
    first = initial_model(config)
    assert first is not None
    assert first.root == initial_model(config).root
    assert set(decode(whole.model_of(first))) == set(learners[0].initial_state(config.seed))
    state = trained(config, learners)
    model = whole.model_of(state)
    files = []
    for number, learner in enumerate(learners):
        path = tmp_path / f"{number}.safetensors"
        save_model(path, final_model(config, decode(model), 7, CONTRACT, 1, state.root, learner))
        files.append(path.read_bytes())
    assert files[0] == files[1] == files[2]
    loaded = (load_model if kind == "attention_mil" else load_table_model)(tmp_path / "0.safetensors")
    assert encode(loaded.state, config.fraction_bits).root == model.root
    assert json.loads(CliRunner().invoke(app, ["inspect", str(path), "--json"]).stdout)["root"] == model.root.hex()
    assert loaded.spec.provenance["run"]["final_root"] == state.root.hex()
    assert loaded.spec.targets[0].negative == ("no",)


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_starts_from_an_old_runs_model(tmp_path: Path, kind: str) -> None:
    old = run_config(kind)
    learners = [learner_of(old, write_centre(tmp_path / str(n), 8, n)) for n in range(2)]
    end = trained(old, learners)
    path = tmp_path / "old.safetensors"
    save_model(path, final_model(old, decode(end), 7, CONTRACT, 1, end.root, learners[0]))

    new = run_config(kind, start_root=end.root.hex(), merge={"rule": "momentum", "momentum": 0.9})
    first = initial_model(new, path)
    assert first is not None
    assert whole.model_of(first).root == end.root
    assert first.root == whole.start(end, new.merge_plan).root != end.root
    assert initial_model(new) is None  # without the file the others' state is awaited
    finished = trained(new, learners, path)
    model = final_model(new, decode(whole.model_of(finished)), 7, CONTRACT, 2, finished.root, learners[0])
    assert model.spec.provenance["run"]["start_root"] == end.root.hex()

    with pytest.raises(ConfigError, match="no start_root"):
        initial_model(old, path)
    with pytest.raises(ConfigError, match=f"root {end.root.hex()}, run.toml starts from {'00' * 32}"):
        initial_model(run_config(kind, start_root="00" * 32), path)
    with pytest.raises(InputError, match="does not exist"):
        initial_model(new, tmp_path / "gone.safetensors")


def test_a_start_model_of_other_measures_is_refused(tmp_path: Path) -> None:
    config = run_config("mlp")
    learner = learner_of(config, write_centre(tmp_path / "a", 8, 0))
    state = encode(learner.initial_state(0), 24)
    path = tmp_path / "m.safetensors"
    save_model(path, final_model(config, decode(state), 7, CONTRACT, 1, state.root, learner))
    start = state.root.hex()
    assert initial_model(run_config("mlp", start_root=start), path) is not None
    for other in (
        {"learner": {"kind": "mlp", "hidden": "9"}},
        {"learner": {"kind": "mlp", "hidden": "8", "scaling": "rank"}},
        {"table": {"columns_sha256": "ab" * 32, "n_features": 12}},
        {"targets": ({"name": "MDS", "positive": "yes", "negative": ("no",)},)},
    ):
        with pytest.raises(ConfigError, match="other weights, data or targets"):
            initial_model(run_config("mlp", start_root=start, **other), path)
    with pytest.raises(InputError, match="is a model of tables"):
        initial_model(run_config("attention_mil", start_root=start), path)


def test_a_lasso_begins_with_the_threshold_that_its_rounds_have(tmp_path: Path) -> None:
    config = run_config("lasso")
    learner = learner_of(config, write_centre(tmp_path / "a", 8, 0))
    first = decode(initial_model(config))
    after = learner.train(first, 0, 4, config.sync_steps, 0).state
    assert encode({"t": after["threshold"]}, 24).root == encode({"t": first["threshold"]}, 24).root
    with pytest.raises(ConfigError, match="merge rule 'adam' needs a fixed interval"):
        initial_model(run_config("lasso", merge=ADAM, sync_longest=50))
    assert initial_model(run_config("lasso", sync_longest=50)) is not None


def test_kind_section_and_options_must_fit(tmp_path: Path) -> None:
    files = write_centre(tmp_path / "a", 8, 0)
    slides, table = run_config("attention_mil"), run_config("mlp")
    for config, words in (
        (
            table.model_copy(update={"learner": {"kind": "forest"}}),
            "kind is 'forest'; choose one of attention_mil, mlp",
        ),
        (table.model_copy(update={"learner": {}}), r"attention_mil reads slides and needs \[features\]"),
        (slides.model_copy(update={"learner": {"kind": "lasso"}}), r"lasso reads a table and needs a \[table\]"),
        (table.model_copy(update={"learner": {"kind": "mlp", "bag_tiles": 4}}), r"\[learner\]: .* not know bag_tiles"),
        (table.model_copy(update={"learner": {"kind": "lasso", "penalty": -1.0}}), r"\[learner\]: penalty is -1"),
    ):
        with pytest.raises(ConfigError, match=words):
            hyperparameters(config)
    with pytest.raises(ConfigError, match=r"\[features\]: this run reads slides"):
        make_learner(slides, files["clini"], table=files["table"])
    with pytest.raises(ConfigError, match=r"\[table\]: name this centre's with --table"):
        make_learner(table, files["clini"], files["slides"], files["features"])


def test_a_table_with_other_columns_needs_the_agreed_list(tmp_path: Path) -> None:
    files = write_centre(tmp_path / "a", 8, 0, (*GENES, "more"))
    config, listed = run_config("lasso"), tmp_path / "genes.txt"
    with pytest.raises(ConfigError, match=r"names 13 columns .* about 12 of .*; name the agreed list with --columns"):
        make_learner(config, files["clini"], table=files["table"])
    listed.write_text("\n".join(GENES[:11]))
    with pytest.raises(ConfigError, match=r"genes\.txt names 11 columns .* list that all centres agreed on"):
        make_learner(config, files["clini"], table=files["table"], columns=listed)
    listed.write_text("\n".join(reversed(GENES)))
    assert make_learner(config, files["clini"], table=files["table"], columns=listed).n_patients == 8


def test_a_label_that_the_run_does_not_name_is_refused(tmp_path: Path) -> None:
    files = write_centre(tmp_path / "a", 8, 0)
    files["clini"].write_text(files["clini"].read_text().replace(",no", ",maybe", 1))
    for kind in KINDS:
        with pytest.raises(ConfigError, match=r"'maybe', which run.toml names neither positive"):
            learner_of(run_config(kind), files)
