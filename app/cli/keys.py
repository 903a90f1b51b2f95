"""`keys list`, `keys show` and `keys rotate`: the keys that prove to EHRs who asks."""

import argparse
from typing import TYPE_CHECKING

import orjson

from app.cli.desk import Desk, say
from app.smart.keys import KeyState

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the commands."""
    keys = commands.add_parser("keys", help="the keys that prove to EHRs who asks")
    acts = keys.add_subparsers(required=True)
    listed = acts.add_parser("list", help="every published key, and when it signs")
    listed.set_defaults(act=_list)
    shown = acts.add_parser(
        "show", help="the key set as text, for a form that takes no address of one"
    )
    shown.set_defaults(act=_show)
    rotate = acts.add_parser(
        "rotate", help="publish a new key now; it signs when every cache has it"
    )
    rotate.add_argument("--alg", choices=("RS384", "ES384"), default="ES384")
    rotate.set_defaults(act=_rotate)


def _list(desk: Desk, _: argparse.Namespace) -> int:
    return say("".join(map(_line, desk.keyring.states())))


def _show(desk: Desk, _: argparse.Namespace) -> int:
    text = orjson.dumps(desk.keyring.published(), option=orjson.OPT_INDENT_2).decode()
    return say(f"{text}\n")


def _rotate(desk: Desk, given: argparse.Namespace) -> int:
    desk.keyring.rotate(given.alg)
    return _list(desk, given)


def _line(key: KeyState) -> str:
    gone = f"{key.withdrawn_at:%Y-%m-%dT%H:%MZ}" if key.withdrawn_at else "-"
    return f"{key.kid}  {key.alg}  {key.state:8}signs {key.signs_at:%Y-%m-%dT%H:%MZ}  gone {gone}\n"
