"""What the first load transfers, as gzip -9 bytes: the page's entry with all that it imports statically, and its style.

Answers, sources, trends, menu and gates are files of their own (dynamic imports): loaded when first drawn, or
while nothing else is to do. `bundle.js_all` counts them too, so that nothing is hidden by splitting it off.
"""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.figures import show

DIST = Path("frontend/dist")
ENTRY = "src/main.tsx"
AGAINST = "React with a FHIR table 173 kB, an unsplit chat kit 3,500 kB"


def main() -> None:
    manifest = json.loads((DIST / ".vite" / "manifest.json").read_text("utf-8"))
    first = reached(manifest, ENTRY, ("imports",))
    every = reached(manifest, ENTRY, ("imports", "dynamicImports"))
    figures = (
        ("js", {manifest[name]["file"] for name in first}, 40),
        ("css", {css for name in first for css in manifest[name].get("css", [])}, 12),
        ("js_all", {manifest[name]["file"] for name in every}, 60),
    )
    for figure, files, goal in figures:
        kilobytes = round(size_bytes(files) / 1000, 1)
        show(f"bundle.{figure}_gzip_kb", kilobytes, "kB", goal=goal, against=AGAINST)


def reached(manifest: Mapping[str, Any], entry: str, kinds: Iterable[str]) -> set[str]:
    """Return the chunks that an entry leads to by these kinds of import, itself included."""
    found: set[str] = set()
    waiting = [entry]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for kind in kinds for other in manifest[name].get(kind, [])]
    return found


def size_bytes(files: Iterable[str]) -> int:
    """Return what the files are together, each compressed on its own as the server sends it."""
    return sum(len(gzip.compress((DIST / name).read_bytes(), 9)) for name in files)


if __name__ == "__main__":
    main()
