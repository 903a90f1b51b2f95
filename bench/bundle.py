"""What the first load transfers: every script and style that the app's page names, as gzip -9 bytes."""

import gzip
import json
from pathlib import Path

from bench.figures import show

DIST = Path("frontend/dist")


def main() -> None:
    manifest = json.loads((DIST / ".vite" / "manifest.json").read_text("utf-8"))
    entry = manifest["src/main.tsx"]
    scripts = {entry["file"], *(manifest[name]["file"] for name in entry.get("imports", []))}
    styles = set(entry.get("css", []))
    for figure, files, goal in (("js", scripts, 40), ("css", styles, 12)):
        size = sum(len(gzip.compress((DIST / name).read_bytes(), 9)) for name in files)
        show(
            f"bundle.{figure}_gzip_kb",
            round(size / 1000, 1),
            "kB",
            goal=goal,
            against="React with a FHIR table 173 kB, an unsplit chat kit 3,500 kB",
        )


if __name__ == "__main__":
    main()
