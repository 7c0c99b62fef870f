"""Headless Chromium that is driven through a pipe: keys go in, downloads and everything it complains of come out."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

AXE = Path(__file__).parent / "npm" / "node_modules" / "axe-core" / "axe.min.js"
_AXE_RUN = """axe.run({runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}).then((found) =>
  found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(" | ")}`))"""

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
    "--proxy-server=127.0.0.1:9",
)
_CODES = {"Enter": 13, "Backspace": 8, "Escape": 27, "Tab": 9, " ": 32}
_PATIENCE_S = 60.0


class Chromium:
    """A browser with one page; whatever it logs, throws or asks for is kept."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
        if program is None:
            pytest.skip("no Chromium on this machine; install the package chromium")
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.events: list[str] = []
        self.downloads = folder / "downloads"
        self.downloads.mkdir()
        self._number = 0
        self._rest = b""
        # The browser reads from 3 and writes to 4; high numbers here, so that neither is overwritten on the way.
        theirs_in, self._out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in os.pipe())
        self._in, theirs_out = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 20) for end in os.pipe())
        quiet = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4)]
        arguments = [program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        self._pid = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setsid=True)
        for end in (theirs_in, theirs_out, quiet):
            os.close(end)
        targets = self._call("Target.getTargets")["targetInfos"]
        page = next(one["targetId"] for one in targets if one["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.call(f"{domain}.enable")
        self._call(
            "Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads), eventsEnabled=True
        )

    def open(self, page: Path, width: int, height: int) -> None:
        """Open a file in a window of this size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        self.until(lambda: "Page.loadEventFired" in self.events)

    def evaluate(self, script: str) -> Any:
        """Return what a script says; one that throws is a complaint."""
        result = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def accessibility(self) -> list[str]:
        """Return where the page, as it stands now, fails WCAG 2.2 AA by axe-core."""
        if not AXE.is_file():
            pytest.skip("no axe-core here; run scripts/install-ci-tools.sh")
        # Run over the debugger and not as a script tag, so that the page's own content policy stays as it is.
        self.evaluate(AXE.read_text("utf-8") + ";0")
        asked = {"expression": _AXE_RUN, "awaitPromise": True, "returnByValue": True}
        result = self.call("Runtime.evaluate", **asked)
        assert "exceptionDetails" not in result, result
        return result["result"]["value"]

    def assert_sound(self) -> None:
        """Assert that the page complained of nothing, asked for nothing from outside and passes WCAG 2.2 AA."""
        assert not self.complaints, self.complaints
        outside = [url for url in self.requests if url.split(":")[0] not in {"file", "blob", "data"}]
        assert not outside, outside
        found = self.accessibility()
        assert not found, "\n".join(found)

    def pixels(self, path: Path) -> np.ndarray:
        """Return what the window shows, (H, W, 3) int, so that differences do not wrap around."""
        self.shoot(path)
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB")).astype(int)

    def press(self, *keys: str) -> None:
        """Press and release keys."""
        for key in keys:
            told: dict[str, Any] = {"key": key, "windowsVirtualKeyCode": _CODES.get(key, ord(key[0].upper()))}
            text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
            self.call("Input.dispatchKeyEvent", type="keyDown", **told, **text)
            self.call("Input.dispatchKeyEvent", type="keyUp", **told)

    def choose_file(self, selector: str, file: Path) -> None:
        """Put a file into a file input."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[str(file)])

    def downloaded(self) -> Path:
        """Wait for a download that ends; return the newest file."""
        self.until(lambda: "Browser.downloadProgress completed" in self.events)
        self.events.clear()
        return max(self.downloads.iterdir(), key=lambda path: path.stat().st_mtime_ns)

    def shoot(self, path: Path) -> None:
        """Take a picture of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def wait_for(self, script: str) -> None:
        """Wait until a script says something true."""
        self.until(lambda: self.evaluate(script))

    def until(self, ready: Callable[[], object]) -> None:
        """Ask the browser for news until they are there."""
        end = time.monotonic() + _PATIENCE_S
        while not ready():
            assert time.monotonic() < end, f"the browser took longer than {_PATIENCE_S} s; events: {self.events}"
            self.evaluate("1")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Ask the page for something."""
        return self._call(method, self._session, **parameters)

    def close(self) -> None:
        """End the browser and all of its processes."""
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._out)
        os.close(self._in)

    def _call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        asked: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        os.write(self._out, json.dumps(asked | ({"sessionId": session} if session else {})).encode() + b"\0")
        while True:
            message = self._message()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._in, 1 << 20)
            assert read, "the browser ended"
            self._rest += read
        first, self._rest = self._rest.split(b"\0", 1)
        return json.loads(first)

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method", ""), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown" or (
            method == "Runtime.consoleAPICalled" and told["type"] in {"error", "warning", "assert"}
        ):
            self.complaints.append(json.dumps(told))
        elif method == "Log.entryAdded" and told["entry"]["level"] in {"error", "warning"}:
            self.complaints.append(told["entry"]["text"])
        elif method == "Browser.downloadProgress":
            self.events.append(f"{method} {told['state']}")
        else:
            self.events.append(method)
