"""The built frontend: hashed files under `/assets/`, and the pages that load them.

A page carries its data in `<script type="application/json">`; there is no inline script or style (CSP).
"""

import gzip
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec
import orjson
from flask import Blueprint, Response, request, send_from_directory

from app.errors import ConfigurationError
from app.web.wire import AnalystPage, ErrorPage, LaunchPage, SelftestPage

Entry = Literal["src/main.tsx", "src/launch.ts", "src/selftest/selftest.ts"]
YEAR_S = 31_536_000
COMPRESSED = ("text/", "application/javascript")


@dataclass(frozen=True, kw_only=True)
class CallbackPage:
    """Data of `GET /smart/{slug}/callback`; the page acts by POST only."""

    slug: str
    page: Literal["callback"] = "callback"


@dataclass(frozen=True, kw_only=True)
class SessionPage:
    """Data of `GET /l/{launch}/`."""

    launch_id: str
    page: Literal["launch-session"] = "launch-session"


PageData = LaunchPage | CallbackPage | SessionPage | ErrorPage | SelftestPage | AnalystPage
NO_SCRIPT = (
    "<noscript><p>This frame does not let Chartside run. Ask who builds the EHR's frame to add allow-scripts "
    'to sandbox="…".</p></noscript>'
)


class Frontend:
    """What Vite built: which files an entry loads."""

    def __init__(self, folder: Path) -> None:
        manifest = folder / ".vite" / "manifest.json"
        if not manifest.is_file():
            raise ConfigurationError(
                "the frontend is not built: CHARTSIDE_FRONTEND has no manifest"
            )
        self.folder = folder
        self._manifest = json.loads(manifest.read_text("utf-8"))

    def page(self, entry: Entry, data: PageData) -> str:
        """Return the HTML of a page."""
        chunk = self._manifest[entry]
        styles = self.styles(entry)
        # `<` cannot end the script element when it is escaped, whatever the data holds.
        payload = orjson.dumps(msgspec.to_builtins(data)).decode().replace("<", "\\u003c")
        return (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<title>Chartside</title><link rel="icon" href="/assets/icon.svg">{styles}</head><body>'
            f'<div id="app"></div>{NO_SCRIPT}'
            f'<script type="application/json" id="page">{payload}</script>'
            f'<script type="module" src="/{chunk["file"]}"></script></body></html>'
        )

    def styles(self, entry: Entry) -> str:
        """Return the links to an entry's style sheets."""
        css = self._manifest[entry].get("css", [])
        return "".join(f'<link rel="stylesheet" href="/{name}">' for name in css)


class _Compressed:
    """Gzipped copies of the built files: hashed names never change, so each is made once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._made: dict[str, bytes] = {}

    def get(self, name: str) -> bytes:
        """Return a file's gzip bytes; the caller has checked that it exists inside the folder."""
        with self._lock:
            if name not in self._made:
                self._made[name] = gzip.compress((self._folder / name).read_bytes(), 9)
            return self._made[name]


def blueprint(frontend: Frontend) -> Blueprint:
    """Serve `/assets/…` with a year of caching: a changed file has another name."""
    assets = Blueprint("assets", __name__)
    folder = (frontend.folder / "assets").resolve()
    compressed = _Compressed(folder)

    @assets.get("/assets/<path:name>")
    def asset(name: str) -> Response:
        response = send_from_directory(folder, name, max_age=YEAR_S)
        response.cache_control.public = True
        response.cache_control.immutable = True
        # Public files. A sandboxed frame without allow-same-origin loads its script from another origin, "null": it
        # must get it to be able to say what is wrong.
        response.headers["Access-Control-Allow-Origin"] = "*"
        is_text = (response.mimetype or "").startswith(COMPRESSED)
        if is_text and request.accept_encodings["gzip"]:
            response.direct_passthrough = False
            response.set_data(compressed.get(name))
            response.headers["Content-Encoding"] = "gzip"
        response.vary.add("Accept-Encoding")
        return response

    return assets
