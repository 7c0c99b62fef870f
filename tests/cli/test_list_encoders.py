"""``extract --list-encoders`` and what it leaves required."""

from __future__ import annotations

import json
import subprocess
import sys

from models.encoders import list_cards


def extract(*arguments):
    command = [sys.executable, "-c", "from wsi_swarm.cli.main import main; main()", "extract", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_list_names_every_card_and_is_json_on_request():
    listed = json.loads(extract("--list-encoders", "--json").stdout)
    assert [card["name"] for card in listed] == [card.name for card in list_cards()]
    virchow = next(card for card in listed if card["name"] == "virchow2")
    assert [(variant["name"], variant["dim"]) for variant in virchow["variants"]] == [("virchow2:class", 1280)]
    text = extract("--list-encoders").stdout
    assert all(card.name in text for card in list_cards())


def test_slides_and_out_stay_required(tmp_path):
    for arguments, missing in (((), "SLIDES"), ((str(tmp_path),), "--out")):
        done = extract(*arguments)
        assert done.returncode == 2
        assert missing in done.stderr
