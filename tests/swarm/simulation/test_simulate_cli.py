"""The command line of the simulator: stories repeat, and findings are told in one line."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from wsi_swarm.cli.main import app
from wsi_swarm.swarm.simulation.campaign import play
from wsi_swarm.swarm.simulation.faults import MENU

RUN = CliRunner()


def simulate(*arguments: str):
    return RUN.invoke(app, ["swarm", "simulate", *arguments])


@pytest.mark.parametrize("seed", range(6))
def test_the_line_that_a_verdict_names_repeats_its_story(seed):
    drawn = play(seed)
    told = simulate(*drawn.command.split()[3:], "--json")
    assert told.exit_code == 0
    assert json.loads(told.stdout) == [{**drawn.told(), "faults": list(drawn.faults)}]


@pytest.mark.parametrize("name", sorted(MENU))
def test_each_fault_can_be_chosen_by_its_name(name):
    told = simulate("--nodes", "4", "--seeds", "0..1", "--faults", name)
    assert told.exit_code == 0
    assert told.stdout.startswith("2 of 2 seeds held")


def test_all_faults_together_hold():
    assert simulate("--seeds", "0..2", "--faults", "all").stdout.startswith("3 of 3 seeds held")


@pytest.mark.parametrize("arguments", [("--seeds", "3..1"), ("--seeds", "many"), ("--seed", "1", "--seeds", "1..2")])
def test_what_is_no_range_is_refused(arguments):
    assert "--seed N, or --seeds A..B" in str(simulate(*arguments).exception)


def test_an_unknown_fault_is_refused():
    assert "knows no flood" in str(simulate("--faults", "flood,loss").exception)


def test_bytes_by_committee_do_not_grow_with_the_swarm():
    received = {}
    for nodes in (8, 32):
        told = simulate("--bytes", "--nodes", str(nodes), "--committee", "4", "--rounds", "8", "--json")
        received[nodes] = json.loads(told.stdout)["received"]["mean"]
    assert received[32] < 1.5 * received[8]
