"""Commands for operators: `python -m app.cli keys list` and `keys rotate`.

They read the same environment as the server, and work on its database while it runs.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from app.errors import ConfigurationError
from app.settings import Settings
from app.smart.keys import Keyring, KeyState
from app.store.engine import open_database
from app.store.keys import KeyRows


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit code."""
    given = _parser().parse_args(arguments)
    try:
        settings = Settings.from_env(os.environ)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    keyring = Keyring(
        KeyRows(open_database(settings.database_url)),
        settings.secret_key,
        lambda: datetime.now(UTC),
    )
    if given.act == "rotate":
        keyring.rotate(given.alg)
    sys.stdout.write("".join(map(_line, keyring.states())))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description="Operate Chartside.")
    keys = parser.add_subparsers(dest="command", required=True).add_parser(
        "keys", help="the keys that prove to EHRs who asks"
    )
    acts = keys.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="every published key, and when it signs")
    rotate = acts.add_parser(
        "rotate", help="publish a new key now; it signs when every cache has it"
    )
    rotate.add_argument("--alg", choices=("RS384", "ES384"), default="ES384")
    return parser


def _line(key: KeyState) -> str:
    gone = f"{key.withdrawn_at:%Y-%m-%dT%H:%MZ}" if key.withdrawn_at else "-"
    return f"{key.kid}  {key.alg}  {key.state:8}signs {key.signs_at:%Y-%m-%dT%H:%MZ}  gone {gone}\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
