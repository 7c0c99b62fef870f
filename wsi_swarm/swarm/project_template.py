"""The files that ``swarm init`` leaves for a centre to fill in."""

from __future__ import annotations

_COMMON = """\
dir = "."
federation = "federation.json"
rpc = "http://127.0.0.1:8545"
"""

_HEAD = """\
# Option values of this centre, by command; a flag on the command line comes first. Paths are relative to this file.
# Work in this folder (or set WSI_SWARM_PROJECT to this file) and the commands need no options.

[train-swarm]
{common}run = "run.toml"         # the run that the centres agreed on: the identical file everywhere
state = "state"          # checkpoints, and what the audit reads
clini = "clini.csv"      # PATIENT and one column per target
slides = "slides.csv"    # PATIENT and FILENAME
features = "features"    # what 'wsi-swarm extract' wrote
# table = "table.csv"    # in place of slides and features, for a run with [table]
# bind = "tcp://*:5101"  # where to listen, if not at the endpoint of 'swarm init'
"""


def project_file() -> str:
    """Return the text of ``wsi-swarm.toml``."""
    sections = [_HEAD.format(common=_COMMON)]
    sections += [f"[swarm.{command}]\n{_COMMON}" for command in ("propose", "vote", "resign", "rotate-key")]
    sections += [f'[swarm.{command}]\n{_COMMON}run = "run.toml"\n' for command in ("join", "start", "leave")]
    where = "".join(line + "\n" for line in _COMMON.splitlines()[1:])
    sections.append(f'[swarm.status]\n{where}state = "state"\n')
    sections.append(f'[swarm.audit]\n{_COMMON}run = "run.toml"\nstate = "state"\n')
    return "\n".join(sections)


RUN_EXAMPLE = """\
# A run, to be agreed on by all centres: copy it to run.toml, fill it in, and give every centre the identical file.
# Its hash is voted on and stands on the chain. Lines that begin with '#' and the order of entries do not count.

name = "msi-2026"
rounds = 20                # final rounds, each with a merge
sync_steps = 40            # mini-batches between two merges, the same number at every centre
# sync_longest = 160       # let the interval double up to this while the loss falls
# sync_epochs = 1.0        # instead of sync_steps: passes of each centre over its own patients
min_peers = 2              # fewest centres in a merge
committee = 0              # of many centres let so many merge and attest, others each round; 0: all
weighting = "patients"     # or "equal": every centre counts the same
max_weight = 10000         # cap of a centre's weight
seed = 0
update_bits = 32           # or 16: half the traffic; what rounding loses is made up for in the next round
# start_root = ""          # root of the model that an earlier run ended with, to start from it

[[targets]]                # repeat the section for more targets
name = "MSI"               # column of the clinical tables
positive = "MSIH"
negative = ["MSS", "MSIL"]

[features]                 # as 'wsi-swarm inspect FEATURES.h5 --json' tells; the same at every centre
encoder = "stain-texture"
card_sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
weights_sha256 = ""
dim = 130
tile_um = 112.0
mpp = 0.5

# Tabular runs have, in place of [features]:
# [table]
# columns_sha256 = "..."   # of the agreed genes or features
# n_features = 1000

[merge]
rule = "mean"
# rule = "momentum"          takes momentum = 0.9, rate = 1.0: the mean with server momentum
# rule = "adam"              needs rate, takes beta1 = 0.9, beta2 = 0.99, tau = 0.001: the mean with server Adam
# The next ones bear faulty = 1 centres that lie, from 3 centres in every merge on (multi_krum: 5); weighting = "equal".
# rule = "median" | "trimmed_mean" | "multi_krum"
# rule = "centred_clipping"  needs radius, the norm of an honest update; takes iterations = 3

[learner]
hidden = 128
attention = 64
learning_rate = 0.001

[timeouts]                 # seconds
enrol_s = 600.0            # for centres to enrol
commit_s = 3600.0          # for the slowest centre to train sync_steps
reveal_s = 120.0           # for an update to reach the others
attest_s = 120.0           # for merge and attestations; then the round is void
heartbeat_s = 5.0
connect_s = 10.0
"""
