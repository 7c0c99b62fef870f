"""What long work says in a log, and that no command colours a file."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

WORK = """
from pipelines.progress import progress, say
with progress(3, "tile", "slide") as bar:
    for number in range(3):
        bar.mininterval = 0
        bar.update()
        if number == 1:
            say("a bad slide")
"""
COMMAND = "from wsi_swarm.cli.main import main; main()"


def run(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", *arguments], capture_output=True, check=False)


def test_in_a_log_progress_is_a_line_of_words_each_time() -> None:
    done = run(WORK)
    lines = done.stderr.decode().splitlines()
    assert done.stdout == b""
    assert b"\r" not in done.stderr
    assert lines[0].startswith("tile: 0 of 3 slides")
    assert "wsi-swarm: a bad slide" in lines
    assert re.fullmatch(r"tile: 3 of 3 slides, .*slide/s, 00:00 gone, 00:00 left", lines[-1])
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("heatmap", "--help"), ("tile", "nothing-here.svs", "--out", "x"), ("extract",), ("doctor",)],
)
def test_without_a_terminal_no_command_writes_escape_codes(arguments) -> None:
    done = run(COMMAND, *arguments)
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stdout + done.stderr
