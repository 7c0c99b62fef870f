"""``validate`` from the command line: text, JSON, page and exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

CLINI = "PATIENT,MSI,DOB\n" + "".join(f"p{i:02},{'MSIH' if i % 2 else 'MSS'},1950-01-{i + 1:02}\n" for i in range(24))
SLIDES = "PATIENT,FILENAME\n" + "".join(f"p{i:02},s{i:02}.svs\n" for i in range(24))


def validate(*arguments, cwd):
    command = [sys.executable, "-c", "from wsi_swarm.cli.main import main; main()", "validate", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_warnings_leave_the_exit_code_at_0_and_errors_make_it_3(tmp_path) -> None:
    (tmp_path / "clini.csv").write_text(CLINI)
    (tmp_path / "slides.csv").write_text(SLIDES + "p99,s99\n")
    tables = ["--clini", "clini.csv", "--slides", "slides.csv", "--target", "MSI"]
    done = validate(*tables, "--json", "--html", "page.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["counts"] == {"error": 0, "warning": 2, "note": 0}
    assert said["centres"][0]["labels"] == {"MSI": {"MSS": 12, "MSIH": 12}}
    assert [(f["kind"], f["file"], f["row"], f["column"]) for f in said["findings"]] == [
        ("privacy", "clini.csv", None, "DOB"),
        ("slides without patient", "slides.csv", 26, "PATIENT"),
    ]
    page = (tmp_path / "page.html").read_text()
    assert "patient p99 is in the slide table and not in the clinical table" in page
    assert "1950" not in page
    assert not re.search(r"(?:src|href)=|@import|url\(|<script", page)

    (tmp_path / "clini.csv").write_text(CLINI + "p03,MSS,<b>\n")
    done = validate(*tables, "--html", "page.html", cwd=tmp_path)
    assert done.returncode == 3
    assert "1 error, 2 warnings" in done.stderr
    assert "row 26, column MSI: patient p03 is 'MSS' here and 'MSIH' in row 5" in done.stdout
    assert "-> keep the right one" in done.stdout


def test_a_table_cannot_write_into_the_page(tmp_path) -> None:
    (tmp_path / "clini.csv").write_text(CLINI + "<img src=x>,MSIH,\n")
    (tmp_path / "slides.csv").write_text(SLIDES)
    tables = ["--clini", "clini.csv", "--slides", "slides.csv", "--target", "MSI"]
    assert validate(*tables, "--html", "page.html", cwd=tmp_path).returncode == 0
    page = (tmp_path / "page.html").read_text()
    assert "<img" not in page
    assert "&lt;img src=x&gt;" in page


@pytest.mark.browser
def test_the_page_in_a_browser(chromium, tmp_path) -> None:
    (tmp_path / "clini.csv").write_text(CLINI + "p03,MSS,\n")
    (tmp_path / "slides.csv").write_text(SLIDES + "p99,s99\n")
    tables = ["--clini", "clini.csv", "--slides", "slides.csv", "--target", "MSI"]
    assert validate(*tables, "--html", "page.html", cwd=tmp_path).returncode == 3
    chromium.open(tmp_path / "page.html", 820, 1180)
    chromium.assert_sound()
    assert chromium.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_options_that_do_not_fit_are_refused(tmp_path) -> None:
    (tmp_path / "clini.csv").write_text(CLINI)
    done = validate("--clini", "a", "--clini", "b", "--slides", "c", "--target", "MSI", cwd=tmp_path)
    assert done.returncode == 3
    assert "--slides (1)" in done.stderr
    done = validate("--clini", "clini.csv", "--target", "MSI", "--positive", "BRAF=MUT", cwd=tmp_path)
    assert "--positive names BRAF" in done.stderr
