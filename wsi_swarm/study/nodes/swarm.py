"""A real swarm on one machine: a chain and one node process per centre, each in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from models.cohort import load_merged_cohort
from pipelines.files import write_json, write_text
from pipelines.progress import progress
from wsi_swarm.errors import IntegrityError
from wsi_swarm.study.nodes.crew import Crew, free_port
from wsi_swarm.swarm.config import Timeouts, run_config_toml
from wsi_swarm.swarm.node.families import Sources, family
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.cohort import Centre
    from wsi_swarm.study.compare.recipe import Recipe
    from wsi_swarm.study.nodes.crew import Worker
    from wsi_swarm.swarm.config import RunConfig

OUTCOME = "outcome.json"
WAITS = Timeouts(enrol_s=300.0, commit_s=300.0, reveal_s=60.0, attest_s=60.0, heartbeat_s=2.0, connect_s=5.0)
READY_S = 60.0
LONGEST_S = 1800.0


@dataclass(frozen=True)
class SwarmOutcome:
    """What a finished swarm left behind, checked.

    Attributes
    ----------
    model : model file of one centre; those of the others are byte-identical.
    root : hex root of its weights, as it stands on the chain.
    model_sha256 : hash of the file.
    centres : merge weight of each centre.
    rounds, voids : rounds that became final, and that did not.
    audit : what the audits at all centres said.
    config_sha256 : hash of the run configuration.
    """

    model: Path
    root: str
    model_sha256: str
    centres: dict[str, int]
    rounds: int
    voids: int
    audit: str
    config_sha256: str

    def document(self) -> dict[str, Any]:
        """Return what a repetition gives again; the model file's hash is not, for it names the contract."""
        told = asdict(self)
        return {key: told[key] for key in ("root", "centres", "rounds", "voids", "audit", "config_sha256")}


def run_swarm(
    folder: Path,
    centres: Mapping[str, Centre],
    recipe: Recipe,
    weighted: bool,
    targets: Sequence[str],
    positive: Mapping[str, str],
    say: Callable[[str], None] = lambda _: None,
) -> SwarmOutcome:
    """Train a recipe on centres of slides in real processes; see ``run_nodes``.

    Parameters
    ----------
    centres : tables and features by name.
    recipe, weighted : how to train and whether patients weigh the merge.
    targets, positive : columns of the clinical tables and their positive labels.
    """
    cohort = load_merged_cohort(list(centres.values()), targets, positive)
    sources = {name: Sources(one.clini, one.slides, one.features) for name, one in centres.items()}
    return run_nodes(folder, sources, recipe.run_config(cohort, weighted, WAITS), say)


def run_nodes(
    folder: Path, centres: Mapping[str, Sources], config: RunConfig, say: Callable[[str], None] = lambda _: None
) -> SwarmOutcome:
    """Found a swarm of these centres, train one run in real processes, and check the result.

    Parameters
    ----------
    folder : for chain, logs and one folder per centre. A finished run of the same configuration and data in it is
        kept; anything else in it is removed.
    centres : what each centre's node reads.
    config : the run.
    say : takes a line for a person.

    Raises
    ------
    SwarmError
        If a process fails; with the end of its log.
    IntegrityError
        If models differ between centres, from the chain, or an audit fails.
    """
    key = _key(config, centres)
    kept = _kept(folder, key)
    if kept is not None:
        return kept
    shutil.rmtree(folder, ignore_errors=True)
    with Crew(folder / "logs") as crew, ThreadPoolExecutor(len(centres)) as pool:
        rpc = _start_chain(crew, folder)
        homes = {name: folder / name for name in centres}
        for name, home in homes.items():
            home.mkdir(parents=True)
            write_text(home / "wsi-swarm.toml", _project(home, centres[name], rpc))
            write_text(home / "run.toml", run_config_toml(config))
        list(pool.map(lambda name: _init(crew, homes[name], name), homes))
        founders = [text for name, home in homes.items() for text in ("--founder", str(home / f"{name}.join.json"))]
        crew.run(["chain", "deploy", "--rpc", rpc, *founders, "--out", "federation.json"], folder)
        for home in homes.values():
            shutil.copy(folder / "federation.json", home / "federation.json")
        list(pool.map(lambda home: crew.run(["swarm", "join"], home), homes.values()))
        nodes = [crew.start(name, ["train-swarm"], home) for name, home in homes.items()]
        first = next(iter(homes.values()))
        crew.run(["swarm", "start"], first)
        _wait(crew, nodes, homes, config)
        outcome = _checked(crew, homes, config)
        audits = list(pool.map(lambda home: crew.run(["swarm", "audit"], home), homes.values()))
    lines = {text.strip().splitlines()[-1] for text in audits}
    outcome = SwarmOutcome(**{**vars(outcome), "audit": f"at all {len(homes)} centres, {'; '.join(sorted(lines))}."})
    write_json(folder / OUTCOME, {"key": key, **asdict(outcome), "model": os.path.relpath(outcome.model, folder)})
    say(f"     {outcome.rounds} rounds final, {outcome.voids} void; root {outcome.root[:16]}")
    return outcome


def _start_chain(crew: Crew, folder: Path) -> str:
    ready = folder / "chain" / "ready.json"
    ready.parent.mkdir(parents=True)
    crew.start("chain", ["chain", "dev", "--port", "0", "--data", "journal", "--ready-file", ready.name], ready.parent)
    crew.wait_for_file(ready, READY_S)
    return str(json.loads(ready.read_text())["url"])


def _init(crew: Crew, home: Path, name: str) -> str:
    return crew.run(["swarm", "init", "--name", name, "--endpoint", f"tcp://127.0.0.1:{free_port()}"], home)


def _project(home: Path, centre: Sources, rpc: str) -> str:
    """Return a centre's project file: with it, its commands need no options."""
    where = {"federation": "federation.json", "rpc": rpc}
    member = {"dir": ".", **where}
    data = {name: os.path.relpath(path, home) for name, path in asdict(centre).items() if path is not None}
    sections = {
        "train-swarm": {**member, "run": "run.toml", "state": "state", **data},
        "swarm.join": member,
        "swarm.start": {**member, "run": "run.toml"},
        "swarm.status": where,
        "swarm.audit": {**member, "run": "run.toml", "state": "state"},
    }
    blocks = [
        "\n".join([f"[{name}]", *(f"{key} = {json.dumps(value)}" for key, value in values.items())])
        for name, values in sections.items()
    ]
    return "\n\n".join(blocks) + "\n"


def _wait(crew: Crew, nodes: Sequence[Worker], homes: Mapping[str, Path], config: RunConfig) -> None:
    """Wait until all nodes are done; the first centre's checkpoint tells how far they are."""
    first = next(iter(homes.values()))
    with progress(config.rounds, f"training {config.name.replace('-', ' ')}", "round") as bar:

        def look() -> None:
            for path in first.glob("state/runs/*/model.json"):
                finals = int(json.loads(path.read_text())["finals"])
                bar.update(finals - bar.n)

        crew.wait_for_end(nodes, LONGEST_S, look)
        look()


def _checked(crew: Crew, homes: Mapping[str, Path], config: RunConfig) -> SwarmOutcome:
    """Hold the centres' models against each other and against the chain."""
    status = json.loads(crew.run(["swarm", "status", "--json"], next(iter(homes.values()))))
    run = next(run for run in status["runs"] if run["config_sha256"] == config.hash.hex())
    files = {name: next(home.glob("state/runs/*/final.safetensors"), None) for name, home in homes.items()}
    hashes = {name: sha256(path.read_bytes()).hexdigest() for name, path in files.items() if path is not None}
    if len(hashes) < len(homes) or len(set(hashes.values())) != 1:
        msg = f"the centres did not end with one model ({hashes}); see their logs"
        raise IntegrityError(msg)
    name, path = next((name, path) for name, path in files.items() if path is not None)
    root = encode(family(config).load(path).state, config.fraction_bits).root.hex()
    if root != run["base_root"]:
        msg = f"the model of {name} has the root {root}, the chain says {run['base_root']}"
        raise IntegrityError(msg)
    return SwarmOutcome(
        model=path,
        root=root,
        model_sha256=hashes[name],
        centres=dict(run["enrolled"]),
        rounds=run["finals"],
        voids=sum(one["result"] == "void" for one in run["history"]),
        audit="",
        config_sha256=config.hash.hex(),
    )


def _key(config: RunConfig, centres: Mapping[str, Sources]) -> str:
    """Hash all that the outcome follows from: configuration, tables and features."""
    digest = sha256(config.hash)
    for name, centre in centres.items():
        files = [path for path in (centre.clini, centre.slides, centre.table, centre.columns) if path is not None]
        for path in (*files, *sorted(centre.features.glob("*.h5") if centre.features is not None else ())):
            digest.update(f"{name}/{path.name}".encode() + sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _kept(folder: Path, key: str) -> SwarmOutcome | None:
    path = folder / OUTCOME
    if not path.is_file():
        return None
    told = json.loads(path.read_text())
    if told.pop("key") != key:
        return None
    told["model"] = folder / told["model"]
    outcome = SwarmOutcome(**told)
    whole = outcome.model.is_file() and sha256(outcome.model.read_bytes()).hexdigest() == outcome.model_sha256
    return outcome if whole else None
