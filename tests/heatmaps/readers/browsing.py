"""What the browser tests of kits ask of a page."""

from __future__ import annotations

import csv
import zipfile

from heatmaps.readers.analysis.analyse import Options, analyse
from heatmaps.readers.analysis.files import as_document, write_analysis

SHOWN = "document.getElementById('picture-state').textContent === '' && !document.getElementById('desk').hidden"
SIZES = [(1280, 800), (820, 1180)]


def text(browser, name):
    return browser.evaluate(f"document.getElementById('{name}').textContent")


def unpacked(built, folder, reader=0):
    with zipfile.ZipFile(built.kits[reader]) as archive:
        archive.extractall(folder)
    return folder / "index.html"


def at(browser, where):
    browser.wait_for(f"document.getElementById('where').textContent === '{where}' && {SHOWN}")


def at_the_first_case(browser, page, width=1280, height=800):
    """Open a sequential kit of three cases, and answer its training case."""
    browser.open(page, width, height)
    browser.press("Enter")
    at(browser, "Training case 1 of 1")
    browser.press("3", "5", "Enter", "4", "n", "Enter")
    assisted(browser)
    browser.press("Enter", "Enter")
    at(browser, "Case 1 of 3")


def assisted(browser):
    """The AI's output is there, and the pictures are."""
    browser.wait_for(f"!document.getElementById('ai').hidden && {SHOWN}")


def ended(browser):
    browser.wait_for("!document.getElementById('finish').hidden")


def fits(browser):
    assert browser.evaluate("document.documentElement.scrollHeight <= window.innerHeight")
    assert browser.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    spilt = """[...document.querySelectorAll('.point, .option, .main, .second')].filter((one) => one.offsetParent
      && [...one.children].some((part) => part.getBoundingClientRect().right > one.getBoundingClientRect().right
        || part.getBoundingClientRect().left < one.getBoundingClientRect().left)).map((one) => one.textContent)"""
    assert browser.evaluate(spilt) == []


def nothing_amiss(browser):
    assert browser.complaints == []
    assert browser.requests
    assert {url.split(":")[0] for url in browser.requests} <= {"file", "blob", "data"}


def analysed(browser, answers, folder):
    """Analyse a table of answers, open the report in the same browser, and return the template that it names."""
    analysis = analyse(answers, Options())
    report, *_ = write_analysis(folder, analysis, as_document(analysis, "test"), "en")
    browser.open(report, 1280, 800)
    nothing_amiss(browser)
    assert browser.accessibility() == []
    return browser.evaluate("document.querySelector('h1 + p').textContent").split(" · ")[0]


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
