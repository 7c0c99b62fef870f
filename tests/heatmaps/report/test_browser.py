"""The report in a real browser whose every request would be seen."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import cv2
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
from urllib.parse import urlsplit

pytestmark = pytest.mark.browser

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--disable-features=OptimizationHints,MediaRouter,Translate,CertificateTransparencyComponentUpdater",
)


BROWSERS_OWN = (".googleapis.com", ".google.com", ".gvt1.com")
"""Whom Chromium calls by itself, with any page open and in spite of the flags."""


class Browser:
    """Headless Chromium behind a proxy that notes and refuses every request."""

    def __init__(self, program: str, port: int, requests: list[str], folder: Path) -> None:
        self.program, self.port, self.requests, self.folder = program, port, requests, folder

    def run(self, page: Path, *actions: str) -> str:
        proxy = f"--proxy-server=127.0.0.1:{self.port}"
        own = (proxy, "--proxy-bypass-list=<-loopback>", f"--user-data-dir={self.folder / 'profile'}")
        done = subprocess.run(
            [self.program, *FLAGS, *own, *actions, page.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        return done.stdout


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no Chromium on this machine; install the package chromium")
    requests: list[str] = []

    class Note(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host = urlsplit(self.path if "://" in self.path else f"//{self.path}").hostname or ""
            if not host.endswith(BROWSERS_OWN):
                requests.append(self.path)
            self.send_error(403)

        do_CONNECT = do_POST = do_HEAD = do_GET  # noqa: N815 (the names that http.server calls)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Note)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Browser(program, server.server_address[1], requests, tmp_path)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_proxy_would_see_a_request(browser: Browser, tmp_path: Path) -> None:
    page = tmp_path / "leaky.html"
    page.write_text('<!DOCTYPE html><img src="http://leak.invalid/x.png"><p>hello')
    browser.run(page, "--dump-dom")
    assert "http://leak.invalid/x.png" in browser.requests


def test_report_shows_every_picture_and_asks_nobody(browser: Browser, made) -> None:
    report = made.folder / "report.html"
    dom = browser.run(report, "--dump-dom")
    root = re.search(r"<html[^>]*>", dom).group()
    assert f'data-images="{report.read_text("utf-8").count("<img ")}"' in root
    assert 'data-broken="0"' in root
    # The scripts ran, so the policy allows them: the viewer that needs them is open.
    assert 'class="live"' in root
    assert 'data-viewer="open"' in root
    assert re.search(r'<div id="viewer">', dom)
    assert browser.requests == []


def test_report_looks_like_something(browser: Browser, made, tmp_path: Path) -> None:
    report = made.folder / "report.html"
    shot = tmp_path / "shot.png"
    browser.run(report, f"--screenshot={shot}", "--window-size=1280,1400")
    picture = cv2.imread(str(shot)).astype(int)
    assert picture.shape[:2] == (1400, 1280)
    blue, _, red = (picture[..., channel] for channel in range(3))
    # The style and the tint are there: patches of the map's two ends lie on the page.
    assert (red > blue + 90).sum() > 2000
    assert (blue > red + 90).sum() > 2000
    assert browser.requests == []
