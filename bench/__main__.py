"""Run one bench by name, or all: `python -m bench [NAME]` (`make bench NAME=tokens`)."""

import importlib
import sys
from pathlib import Path

NAMES = sorted(
    path.stem
    for path in Path(__file__).parent.glob("*.py")
    # The wheel installs itself from nothing, for minutes: `make wheel`.
    if path.stem
    not in (
        "__init__",
        "__main__",
        "figures",
        "interleaving",
        "made_chart",
        "stream_app",
        "wheel",
        "options",
    )
)


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no bench {unknown[0]}; there are {', '.join(NAMES)}\n")
        return 2
    for name in names or NAMES:
        importlib.import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
