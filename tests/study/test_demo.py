"""The demo's words, and the demo itself with a tiny cohort."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.evaluation.auroc import auroc_interval
from models.model_file import load_model
from pipelines.errors import ConfigError
from wsi_swarm.study.compare.comparison import SWARM_BASIC, SWARM_WEIGHTED, Row, train_together
from wsi_swarm.study.demo.demo import DemoPlan, demo_recipe, run_demo
from wsi_swarm.study.demo.showing import Shown
from wsi_swarm.study.demo.summary import DRAWN, DemoResult, as_document, as_page, as_words
from wsi_swarm.study.drawing.cases import CentrePlan
from wsi_swarm.study.nodes.crew import Crew, free_port
from wsi_swarm.study.nodes.swarm import SwarmOutcome
from wsi_swarm.swarm.state.encoding import encode

if TYPE_CHECKING:
    from pathlib import Path

TINY = DemoPlan(
    seed=3,
    centres=(
        CentrePlan("red", 6, 0.5),
        CentrePlan("green", 4, 0.5),
        CentrePlan("blue", 4, 0.5),
        CentrePlan("grey", 6, 0.5, trains=False),
    ),
    side_um=(480.0, 560.0),
    recipe=replace(demo_recipe(3), rounds=3, steps=10),
)


@pytest.fixture
def result(tmp_path):
    auroc = auroc_interval([0, 0, 1, 1, 1], [0.1, 0.6, 0.4, 0.8, 0.9])
    rows = tuple(Row(name, 4, {"MSI": auroc, "BRAF": auroc}) for name in ("local a", "merged", SWARM_BASIC))
    swarm = SwarmOutcome(
        model=tmp_path / "m.safetensors",
        root="ab" * 32,
        model_sha256="cd" * 32,
        centres={"a": 3, "b": 1},
        rounds=5,
        voids=0,
        audit="at all 2 centres, run 1: 5 of 5 final rounds re-derived.",
        config_sha256="ef" * 32,
    )
    folder = tmp_path / "heatmaps"
    kits = (tmp_path / "reader-study" / "kits" / "tiles-R1.zip",)
    shown = Shown("c-01", 0.71, 0.69, 0.83, 6, folder / "c.png", folder / "r.html", folder / "all.html", kits)
    return DemoResult(tmp_path, 7, "c", {"a": 3, "b": 1}, rows, {SWARM_BASIC: swarm}, shown)


def test_what_is_printed_says_that_it_is_drawn_and_what_was_checked(result):
    words = as_words(result)
    assert DRAWN in words
    assert "all 2 centres ended with the byte-identical model (cdcdcdcd" in words
    assert "0.83 [" in words
    assert str(result.out / "heatmaps" / "c.png") in words
    assert str(result.out / "reader-study" / "kits" / "tiles-R1.zip") in words


def test_the_page_has_the_table_the_picture_and_no_path_of_this_machine(result):
    page = as_page(result)
    assert DRAWN in page
    assert "| swarm basic | 4 | 0.83 [" in page
    assert "](heatmaps/c.png)" in page
    assert str(result.out) not in page


def test_the_document_holds_what_a_repetition_gives_again(result):
    document = as_document(result, {"rounds": 5})
    assert document == json.loads(json.dumps(document, allow_nan=False))
    assert document["swarms"][SWARM_BASIC]["root"] == "ab" * 32
    # The file names the contract, whose address is another in each run.
    assert "cd" * 32 not in json.dumps(document)


def test_a_folder_with_another_demo_is_refused(tmp_path):
    (tmp_path / "plan.json").write_text('{"seed": 1}')
    with pytest.raises(ConfigError, match="another seed or version"):
        run_demo(tmp_path, TINY, lambda _: None)


def test_a_crew_shows_the_log_of_who_failed_and_stops_the_others(tmp_path):
    from wsi_swarm.errors import SwarmError

    with pytest.raises(SwarmError, match="unreadable ended with"), Crew(tmp_path / "logs") as crew:  # noqa: PT012
        lasting = crew.start("chain", ["chain", "dev", "--port", "0", "--ready-file", "ready.json"], tmp_path)
        crew.wait_for_file(tmp_path / "ready.json", 60)
        crew.start("unreadable", ["inspect", "absent.svs"], tmp_path)
        crew.wait_for_file(tmp_path / "never", 60)
    assert lasting.process.poll() is not None
    assert "absent.svs" in (tmp_path / "logs" / "unreadable.log").read_text()


def test_free_ports_can_be_bound():
    assert 1024 <= free_port() <= 65535


@pytest.mark.slow
def test_the_demo_goes_the_whole_way_and_goes_on_where_it_was(tmp_path):
    said: list[str] = []
    out = tmp_path / "demo"
    result = run_demo(out, TINY, said.append)
    assert [row.name for row in result.rows] == [
        "local red", "local green", "local blue", "merged", SWARM_BASIC, SWARM_WEIGHTED,
    ]  # fmt: skip
    cohorts = _cohorts(out)
    for name, weights in ((SWARM_BASIC, [1, 1, 1]), (SWARM_WEIGHTED, [6, 4, 4])):
        outcome = result.swarms[name]
        assert (outcome.rounds, outcome.voids, list(outcome.centres.values())) == (3, 0, weights)
        assert "3 of 3 final rounds" in outcome.audit
        # Six processes, two chains and the network give to the bit what one process computes.
        here = train_together(cohorts, TINY.recipe, weighted=name == SWARM_WEIGHTED, what=name)
        assert encode(here.state, TINY.recipe.fraction_bits).root.hex() == outcome.root
        kept = load_model(out / "models" / f"{name.replace(' ', '-')}.safetensors")
        assert all(np.array_equal(kept.state[tensor], here.state[tensor]) for tensor in here.state)
    assert cv2.imread(str(result.shown.picture)).shape[1] > 800
    assert result.shown.report.is_file()
    assert f"{result.shown.case}/report.html" in result.shown.cohort.read_text()
    assert [kit.name for kit in result.shown.kits] == ["tile-plausibility-R1.zip", "tile-plausibility-R2.zip"]
    assert DRAWN in (out / "summary.md").read_text()

    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.h5")} | {
        path: path.stat().st_mtime_ns for path in out.rglob("*.tif")
    }
    before |= {kit: kit.stat().st_mtime_ns for kit in result.shown.kits}  # readers may have them
    document = (out / "summary.json").read_bytes()
    again = run_demo(out, TINY, said.append)
    assert (out / "summary.json").read_bytes() == document
    assert again.swarms == result.swarms
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in before.items())


def _cohorts(out: Path):
    from models.cohort import load_cohort

    found = {}
    for name in ("red", "green", "blue"):
        home = out / "centres" / name
        features = next((home / "job" / "features").iterdir())
        found[name] = load_cohort(
            home / "clini.csv", home / "slides.csv", features, ["MSI", "BRAF"], {"MSI": "MSIH", "BRAF": "MUT"}
        )
    return found


@pytest.mark.slow
def test_an_interrupt_leaves_no_process_behind(tmp_path):
    """A demo that is terminated in the middle of its swarm takes chain and nodes with it."""
    script = (
        "from pathlib import Path; from wsi_swarm.study.nodes.crew import Crew; import sys\n"
        "with Crew(Path('logs')) as crew:\n"
        "    crew.start('chain', ['chain', 'dev', '--port', '0', '--ready-file', 'ready.json'], Path())\n"
        "    crew.wait_for_file(Path('ready.json'), 60)\n"
        "    print(crew._workers[0].process.pid, flush=True)\n"
        "    crew.wait_for_file(Path('never'), 600)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    pid = int(process.stdout.readline())
    os.kill(pid, 0)
    process.terminate()
    process.wait(30)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    process.stdout.close()
