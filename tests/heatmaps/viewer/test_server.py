"""The server of ``view``: who gets an answer, and what."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from heatmaps.report.words import Words
from heatmaps.slide.options import Options
from heatmaps.viewer.folder import read_layers
from heatmaps.viewer.serve import viewer_server
from heatmaps.viewer.slide_tiles import TILE_PX, SlideTiles
from pipelines.errors import InputError, SetupError
from pipelines.slides import open_slide

if TYPE_CHECKING:
    from collections.abc import Iterator

    from heatmaps.viewer.server import ViewerServer


@pytest.fixture
def server(shared_case, made) -> Iterator[ViewerServer]:
    with viewer_server(shared_case.slide, made.folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: ViewerServer, path: str, host: str | None = None) -> tuple[http.client.HTTPResponse, bytes]:
    place = urlsplit(server.url)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=30)
    connection.request("GET", path, headers={} if host is None else {"Host": host})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_only_the_whole_address_under_its_own_name_is_answered(server) -> None:
    place = urlsplit(server.url)
    assert place.hostname == "127.0.0.1"
    assert len(server.token) >= 32
    assert ask(server, place.path)[0].status == 200
    for path in ("/", f"/{server.token[:-1]}/", f"{place.path}tiles/../../etc/passwd", f"{place.path}report.html"):
        answer, body = ask(server, path)
        assert (answer.status, body) == (404, b""), path
    for host in ("evil.example", f"evil.example:{place.port}", "127.0.0.1:1"):
        answer, body = ask(server, place.path, host)
        assert (answer.status, body) == (421, b"")
    assert ask(server, place.path, f"localhost:{place.port}")[0].status == 200


def test_the_page_may_load_nothing_from_elsewhere(server) -> None:
    answer, body = ask(server, urlsplit(server.url).path)
    policy = answer.getheader("Content-Security-Policy")
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert policy.endswith("frame-ancestors 'none'")
    assert answer.getheader("Cache-Control") == "no-store"
    assert server.token not in body.decode()


def test_tiles_are_the_slide(shared_case, server) -> None:
    base = urlsplit(server.url).path
    with open_slide(shared_case.slide) as slide:
        finest = SlideTiles(slide).finest
        truth = slide.read_region(TILE_PX, 0, slide.size[0] - TILE_PX, slide.size[1], (88, 450))
        whole = slide.thumbnail(slide.mpp * 2)
    assert 2**finest >= 600 > 2 ** (finest - 1)
    for path, expected in ((f"{finest}/1_0", truth), (f"{finest - 1}/0_0", whole)):
        answer, body = ask(server, f"{base}tiles/{path}.jpg")
        assert answer.getheader("Content-Type") == "image/jpeg"
        found = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        assert found.shape == expected.shape
        assert np.abs(found.astype(int) - expected).mean() < 6
    for path in (f"{finest}/2_0", f"{finest}/0_1", f"{finest + 1}/0_0"):
        assert ask(server, f"{base}tiles/{path}.jpg")[0].status == 404


def test_layers_come_from_the_score_table(shared_case, made) -> None:
    with open_slide(shared_case.slide) as slide:
        shown = read_layers(made.folder, slide, Words("de"))
    assert shown.labels == ["MSIH", "BRAF MUT"]
    assert [(one.target, one.name) for one in shown.layers] == [
        (target, name) for target in (0, 1) for name in ("contribution", "attention")
    ]
    assert shown.layers[0].values == pytest.approx(made.scores[0].contribution, abs=1e-11)
    assert shown.layers[0].title == "Beitrag zur Klasse"
    best = next(one for one in shown.top if one["name"] == "F1" and one["target"] == 0)
    assert best["tile"] == int(np.argmax(made.scores[0].contribution))


@pytest.mark.parametrize("method", ["single", "ig", "occlusion"])
def test_every_methods_folder_can_be_shown(shared_case, tmp_path, method: str) -> None:
    other = shared_case.make(tmp_path, targets=["BRAF"], options=Options(method=method))
    with open_slide(shared_case.slide) as slide:
        shown = read_layers(other.folder, slide, Words("en"))
    assert [(one.target, one.name) for one in shown.layers] == [(0, method)]
    assert shown.layers[0].values == pytest.approx(other.scores[0].values, rel=1e-9, abs=1e-12)
    assert {one["name"][0] for one in shown.top} == ({"T"} if method == "single" else {"F", "A"})


def test_a_heatmap_that_is_not_this_slides_or_not_whole_is_refused(shared_case, made, draw, tmp_path) -> None:
    draw(tmp_path / "case 8.tif")
    with open_slide(tmp_path / "case 8.tif") as other, pytest.raises(InputError, match="heatmap of case 7"):
        read_layers(made.folder, other, Words("en"))
    folder = shutil.copytree(made.folder, tmp_path / "case 7")
    table = folder / "scores.csv"
    table.write_text(table.read_text("utf-8").replace("1", "2", 1), "utf-8")
    with open_slide(shared_case.slide) as slide:
        with pytest.raises(InputError, match="not the table"):
            read_layers(folder, slide, Words("en"))
        sidecar = json.loads((folder / "heatmap.json").read_text("utf-8"))
        table.write_text("tile_id\n", "utf-8")
        sidecar["outputs"]["scores.csv"] = hashlib.sha256(table.read_bytes()).hexdigest()
        (folder / "heatmap.json").write_text(json.dumps(sidecar), "utf-8")
        with pytest.raises(InputError, match="no whole heatmap"):
            read_layers(folder, slide, Words("en"))


def test_a_port_that_is_taken_is_named(server, shared_case) -> None:
    port = server.server_address[1]
    with pytest.raises(SetupError, match=f"port {port}"), viewer_server(shared_case.slide, None, port=port):
        pass


def test_the_command_prints_its_address_and_ends_with_an_interrupt(shared_case) -> None:
    # A shell's background jobs ignore interrupts; a terminal's do not.
    command = [sys.executable, "-m", "wsi_swarm.cli.main", "view", str(shared_case.slide)]
    running = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    address = urlsplit(running.stdout.readline().strip())
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    connection.request("GET", address.path)
    page = connection.getresponse().read().decode()
    connection.close()
    assert "case 7" in page
    running.send_signal(signal.SIGINT)
    rest, said = running.communicate(timeout=60)
    assert (running.returncode, rest) == (0, "")
    assert "Ctrl-C ends it" in said
    assert "Traceback" not in said
