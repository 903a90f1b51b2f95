"""Commands for health-system IT: register an EHR, rotate keys, switch something off.

`python -m app.cli --help` lists them. They read the same environment as the server, and work while it runs.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import httpx2

from app.cli import (
    cohort,
    ehr_mcp,
    exports,
    flatten,
    keys,
    mcp,
    purge,
    registrations,
    switches,
)
from app.cli.desk import Clock, Desk, say
from app.cli.registrations import schema
from app.errors import ConfigurationError
from app.settings import Settings

__all__ = ["main", "run", "schema"]


def main(
    arguments: Sequence[str],
    environ: Mapping[str, str] | None = None,
    *,
    transport: httpx2.BaseTransport | None = None,
    clock: Clock = lambda: datetime.now(UTC),
) -> int:
    """Run one command; return its exit code. `environ`, `transport` and `clock` are given by tests only."""
    given = _parser().parse_args(arguments)
    if given.command == "schema":
        return say(schema())
    try:
        settings = Settings.from_env(os.environ if environ is None else environ)
        code: int = given.act(Desk(settings=settings, transport=transport, clock=clock), given)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return code


def run() -> None:
    """Run the command that the shell gives, and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description="Operate Chartside.")
    commands = parser.add_subparsers(dest="command", required=True)
    registrations.add(commands)
    commands.add_parser("schema", help="the JSON Schema of a registration")
    ehr_mcp.add(commands)
    keys.add(commands)
    switches.add(commands)
    purge.add(commands)
    exports.add(commands)
    flatten.add(commands)
    cohort.add(commands)
    mcp.add(commands)
    return parser
