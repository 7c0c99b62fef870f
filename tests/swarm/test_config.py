"""The run configuration: one hash for one meaning, a sentence for every mistake."""

from __future__ import annotations

import pytest

from wsi_swarm.errors import ConfigError
from wsi_swarm.swarm.config import RunConfig, read_run_config, run_config_toml
from wsi_swarm.swarm.merge.multi_krum import MultiKrum
from wsi_swarm.swarm.merge.rules import RULES
from wsi_swarm.swarm.merge.whole import MergePlan, SyncPlan
from wsi_swarm.swarm.node.learning import hyperparameters, initial_model, model_spec
from wsi_swarm.swarm.project_template import RUN_EXAMPLE

TEXT = """
name = "msi-2026"
rounds = 5
weighting = "patients"
max_weight = 50

[[targets]]
name = "MSI"
positive = "MSI-H"
negative = ["MSS", "MSI-L"]

[features]
encoder = "stain-texture"
card_sha256 = "00ff"
weights_sha256 = "11ee"
dim = 12
tile_um = 112
mpp = 0.5

[learner]
hidden = 8
attention = 4
learning_rate = 0.002

[timeouts]
commit_s = 60
reveal_s = 10.5
attest_s = 10
heartbeat_s = 2
"""


TABLE = """
[table]
columns_sha256 = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
n_features = 20
"""


@pytest.fixture
def config(tmp_path) -> RunConfig:
    path = tmp_path / "run.toml"
    path.write_text(TEXT)
    return read_run_config(path)


def test_written_and_read_again_it_has_the_same_hash(config, tmp_path):
    path = tmp_path / "again.toml"
    path.write_text(run_config_toml(config))
    assert read_run_config(path) == config
    assert read_run_config(path).hash == config.hash


def test_order_comments_and_spelled_out_defaults_do_not_change_the_hash(config, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text("# ours\nseed = 0\n" + TEXT.replace("tile_um = 112\n", "").replace("mpp", "tile_um = 112.0\nmpp"))
    assert read_run_config(path).hash == config.hash


@pytest.mark.parametrize(
    ("old", "new"),
    [("rounds = 5", "rounds = 6"), ('"patients"', '"equal"'), ("hidden = 8", "hidden = 9"), ("commit_s = 60", "")],
)
def test_every_meaning_changes_the_hash(config, tmp_path, old, new):
    path = tmp_path / "other.toml"
    path.write_text(TEXT.replace(old, new))
    assert read_run_config(path).hash != config.hash


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("rounds = 5", "rounds = 0", "rounds"),
        ("rounds = 5", 'rounds = "5"', "rounds"),
        ("rounds = 5", "rouns = 5", "rouns"),
        ('"patients"', '"patient"', "weighting"),
        ("tile_um = 112", "tile_um = -1", "features.tile_um"),
        ("commit_s = 60", "commit_s = nan", "timeouts.commit_s"),
        ("heartbeat_s = 2", "heartbeat_s = 9", "heartbeat_s .* at most half"),
        ("commit_s = 60", "coffee_s = 60", "timeouts.coffee_s"),
        ('negative = ["MSS", "MSI-L"]', "negative = []", "targets.0.negative"),
        ("[learner]", "[learner", "not valid TOML"),
        ("max_weight = 50", "update_bits = 8", "update_bits"),
        ("max_weight = 50", 'start_root = "0x12"', "start_root"),
        ("max_weight = 50", "sync_steps = 20\nsync_longest = 19", "sync_longest .19. must be at least sync_steps .20."),
        ("max_weight = 50", "sync_steps = 20\nsync_epochs = 1.0", "sync_epochs takes the place of sync_steps"),
        ("max_weight = 50", "sync_longest = 80\nsync_epochs = 1.0", "sync_epochs takes the place of sync_steps"),
        ("max_weight = 50", "min_peers = 4\ncommittee = 3", "committee .3. must be 0 .everybody. or at least"),
        ("[learner]", '[merge]\nrule = "krum"\n[learner]', "merge: .*no merge rule 'krum'; choose one of mean"),
        ("[learner]", '[merge]\nrule = "adam"\n[learner]', "merge: .*'adam' needs rate"),
        ("[learner]", "[merge]\nfaulty = 1\n[learner]", "merge: .*'mean' does not know faulty"),
        ("[learner]", '[merge]\nrule = "median"\n[learner]', "'median' counts every centre the same"),
        ("[learner]", TABLE + "[learner]", "either .features. or a .table."),
        ("[features]", "[table]", "table.columns_sha256"),
    ],
)
def test_a_mistake_is_named(tmp_path, old, new, words):
    path = tmp_path / "run.toml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ConfigError, match=words):
        read_run_config(path)


def test_the_example_that_init_leaves_is_a_run_configuration(tmp_path):
    path = tmp_path / "run.example.toml"
    path.write_text(RUN_EXAMPLE)
    example = read_run_config(path)
    defaults = RunConfig.model_validate({"name": "x", "targets": example.targets, "features": example.features})
    assert example.timeouts == defaults.timeouts
    assert (example.merge, example.committee, example.update_bits) == (defaults.merge, 0, defaults.update_bits)
    assert example.max_weight == defaults.max_weight
    assert hyperparameters(example).learning_rate == hyperparameters(defaults).learning_rate


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"gone\.toml cannot be read"):
        read_run_config(tmp_path / "gone.toml")


def test_terms_and_weights(config):
    terms = config.terms(b"r" * 32)
    assert (terms.rounds, terms.min_peers, terms.commit_seconds, terms.attest_seconds) == (5, 2, 60, 21)
    assert (terms.config_hash, terms.base_root, terms.max_weight) == (config.hash, b"r" * 32, 50)
    assert [config.weight_of(n) for n in (0, 1, 49, 51)] == [1, 1, 49, 50]
    basic = config.model_copy(update={"weighting": "equal"})
    assert basic.weight_of(49) == basic.terms(b"r" * 32).max_weight == 1


def test_the_model_follows_from_the_configuration_alone(config):
    assert initial_model(config).root == initial_model(config).root
    assert initial_model(config).root != initial_model(config.model_copy(update={"seed": 1})).root
    spec = model_spec(config)
    assert (spec.hidden, spec.attention, spec.features.dim, spec.features.tile_um) == (8, 4, 12, 112.0)
    assert hyperparameters(config).learning_rate == 0.002


@pytest.mark.parametrize(
    ("entry", "words"), [({"leraning_rate": 1.0}, "leraning_rate"), ({"bag_tiles": "8"}, "number")]
)
def test_the_learners_entries_are_checked(config, entry, words):
    with pytest.raises(ConfigError, match=words):
        hyperparameters(config.model_copy(update={"learner": entry}))


ADVANCED = """
sync_longest = 160
committee = 5
min_peers = 5
update_bits = 16
start_root = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
"""


def test_all_there_is_written_and_read_again(tmp_path):
    text = TEXT.replace("max_weight = 50", ADVANCED).replace('"patients"', '"equal"')
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(text + '[merge]\nrule = "multi_krum"\n')
    config = read_run_config(first)
    second.write_text(run_config_toml(config))
    assert read_run_config(second) == config
    assert read_run_config(second).hash == config.hash
    assert config.merge_plan == MergePlan(MultiKrum(1), False, SyncPlan(40, 160))
    assert config.terms(b"r" * 32).committee == 5


def test_a_run_on_a_table_by_epochs_is_written_and_read_again(tmp_path):
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    head, rest = TEXT.split("[features]")
    rest = rest[rest.index("[learner]") :]
    first.write_text(head.replace("max_weight = 50", "sync_epochs = 0.5") + TABLE + rest)
    config = read_run_config(first)
    second.write_text(run_config_toml(config))
    assert read_run_config(second) == config
    assert read_run_config(second).hash == config.hash
    assert config.features is None
    assert config.table.n_features == 20
    assert [config.local_steps(40, passes) for passes in (1, 9, 40)] == [1, 5, 20]


def test_steps_of_the_run_are_steps_of_every_centre(config):
    assert config.local_steps(40, 7) == 40


def test_defaults_of_a_merge_rule_may_be_spelled_out(config, tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(TEXT + '[merge]\nrule = "momentum"\n')
    short = read_run_config(path).hash
    path.write_text(TEXT + '[merge]\nrule = "momentum"\nrate = 1\nmomentum = 0.9\n')
    assert read_run_config(path).hash == short != config.hash


@pytest.mark.parametrize("name", [name for name in RULES if RULES[name].robust])
def test_a_robust_rule_needs_as_many_centres_as_its_breakdown_point_says(tmp_path, name):
    path = tmp_path / "run.toml"
    radius = "radius = 1.0\n" * (name == "centred_clipping")
    text = TEXT.replace('"patients"', '"equal"') + f'[merge]\nrule = "{name}"\nfaulty = 2\n{radius}'
    needs = 7 if name == "multi_krum" else 5
    path.write_text(text.replace("max_weight = 50", f"min_peers = {needs}"))
    assert read_run_config(path).merge_plan.rule.fewest == needs
    path.write_text(text.replace("max_weight = 50", f"min_peers = {needs - 1}"))
    with pytest.raises(ConfigError, match=f"'{name}' needs {needs} centres to bear this many faulty; raise min_peers"):
        read_run_config(path)
