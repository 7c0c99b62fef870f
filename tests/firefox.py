"""Headless Firefox, driven over WebDriver BiDi: the second browser that readers have."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from websockets.sync.client import connect

if TYPE_CHECKING:
    from pathlib import Path

_KEYS = {"Enter": "\ue007", "Backspace": "\ue003", "Escape": "\ue00c", "Tab": "\ue004"}
_PATIENCE_S = 90.0
_PREFERENCES = {
    # Whatever a page asks of the network goes to a port where nobody is.
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.http_port": 9,
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.ssl_port": 9,
    "browser.download.folderList": 2,
    "browser.helperApps.neverAsk.saveToDisk": "application/json",
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
}


class Firefox:
    """A browser with one page; its errors and warnings are kept."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        if program is None:
            pytest.skip("no Firefox on this machine; install the package firefox-esr")
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.downloads, profile = folder / "downloads", folder / "firefox-profile"
        self.downloads.mkdir()
        profile.mkdir()
        preferences = {**_PREFERENCES, "browser.download.dir": str(self.downloads)}
        (profile / "user.js").write_text(
            "".join(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        )
        self._process = subprocess.Popen(
            [program, "--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "HOME": str(folder), "MOZ_CRASHREPORTER_DISABLE": "1"},
            start_new_session=True,
        )
        self._number = 0
        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(f"{self._address()}/session", max_size=None))
        self._call("session.new", capabilities={})
        self._page = self._call("browsingContext.getTree")["contexts"][0]["context"]
        self._call("session.subscribe", events=["log.entryAdded", "network.beforeRequestSent"])

    def open(self, page: Path, width: int, height: int) -> None:
        """Open a file in a window of this size."""
        self._call("browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height})
        self._call("browsingContext.navigate", context=self._page, url=page.as_uri(), wait="complete")

    def evaluate(self, script: str) -> Any:
        """Return what a script says."""
        asked = f"JSON.stringify([({script})])"
        told = self._call("script.evaluate", expression=asked, target={"context": self._page}, awaitPromise=True)
        assert told["type"] == "success", told
        return json.loads(told["result"]["value"])[0]

    def press(self, *keys: str) -> None:
        """Press and release keys."""
        strokes = [{"type": kind, "value": _KEYS.get(key, key)} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        self._call("input.performActions", context=self._page, actions=actions)

    def wait_for(self, script: str) -> None:
        """Wait until a script says something true."""
        end = time.monotonic() + _PATIENCE_S
        while not self.evaluate(script):
            assert time.monotonic() < end, f"the browser took longer than {_PATIENCE_S} s for {script}"

    def downloaded(self) -> Path:
        """Wait for a download that ends; return the newest file."""
        end = time.monotonic() + _PATIENCE_S
        while not (done := [one for one in self.downloads.iterdir() if one.suffix != ".part" and one.stat().st_size]):
            assert time.monotonic() < end, "nothing was downloaded"
            self.evaluate("1")
        return max(done, key=lambda path: path.stat().st_mtime_ns)

    def close(self) -> None:
        """End the browser and all of its processes."""
        self._open.close()
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _address(self) -> str:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            found = re.search(r"BiDi listening on (ws://\S+)", line)
            if found:
                return found[1]
        raise AssertionError("Firefox ended before it listened")

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv(timeout=_PATIENCE_S))
            if message.get("id") == self._number:
                assert message["type"] == "success", (method, message)
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        if message.get("method") == "log.entryAdded" and told["level"] in {"error", "warn"}:
            self.complaints.append(f"{told['level']}: {told.get('text')}")
        elif message.get("method") == "network.beforeRequestSent":
            self.requests.append(told["request"]["url"])
