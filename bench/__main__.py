"""Run one bench by name, or all: `python -m bench [NAME]` (`make bench NAME=tokens`)."""

import importlib
import sys
from pathlib import Path

# The wheel installs itself from nothing, for minutes: `make wheel`. `mcp_peers` is part of `mcp`.
NO_BENCH = (
    "__init__", "__main__", "figures", "interleaving", "made_chart", "mcp_peers", "options", "stream_app", "wheel",
)  # fmt: skip
NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in NO_BENCH
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
