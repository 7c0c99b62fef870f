"""Serves one slide to browsers on this computer, and to nobody who does not know the address."""

from __future__ import annotations

import hmac
import re
import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

from pipelines.errors import SetupError

if TYPE_CHECKING:
    from heatmaps.viewer.slide_tiles import SlideTiles

LOOPBACK = "127.0.0.1"
_TILE = re.compile(r"tiles/(\d{1,2})/(\d{1,6})_(\d{1,6})\.jpg")


class ViewerServer(ThreadingHTTPServer):
    """Gives the page at ``url`` and the slide's tiles below it; every other address is unknown.

    The random token in the path keeps out other users of this computer and other pages in the browser; the ``Host``
    header must be this server's own, so that no foreign name can be pointed at it.

    Raises
    ------
    SetupError
        If the port is taken.
    """

    daemon_threads = True

    def __init__(self, page: str, policy: str, tiles: SlideTiles, port: int = 0) -> None:
        try:
            super().__init__((LOOPBACK, port), _Handler)
        except OSError as error:
            msg = f"port {port} can't be opened ({error.strerror}); choose another --port, or leave it out"
            raise SetupError(msg) from error
        self.page, self.policy, self.tiles = page.encode(), policy, tiles
        self.token = secrets.token_urlsafe(24)

    @property
    def url(self) -> str:
        """Address of the page."""
        return f"http://{LOOPBACK}:{self.server_address[1]}/{self.token}/"

    def hosts(self) -> set[str]:
        """Return the ``Host`` headers that mean this server."""
        return {f"{name}:{self.server_address[1]}" for name in (LOOPBACK, "localhost")}


class _Handler(BaseHTTPRequestHandler):
    server: ViewerServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "wsi-swarm", ""
    timeout = 60

    def do_GET(self) -> None:
        """Answer with the page or a tile."""
        if self.headers.get("Host") not in self.server.hosts():
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"")
            return
        token, _, rest = self.path.removeprefix("/").partition("/")
        if self.path == "/favicon.ico":
            # Every browser asks for it; nothing here has one.
            self._answer(HTTPStatus.NO_CONTENT, "image/x-icon", b"")
            return
        if not hmac.compare_digest(token.encode(), self.server.token.encode()):
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")
            return
        if rest == "":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
            return
        asked = _TILE.fullmatch(rest)
        tile = self.server.tiles.jpeg(*map(int, asked.groups())) if asked else None
        if tile is None:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")
        else:
            self._answer(HTTPStatus.OK, "image/jpeg", tile)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", f"{self.server.policy}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the address holds the token."""
