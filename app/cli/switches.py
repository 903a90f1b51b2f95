"""`disable`, `enable` and `disabled`: the switches that every process obeys within a minute, without a deploy."""

import argparse
import getpass
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING

from app.audit.log import Who
from app.cli.desk import Desk, plain, say
from app.errors import ConfigurationError
from app.smart.policy import ANY_MODEL
from app.smart.registry import Registry, load_registration, read_toml
from app.smart.switches import ACTIONS, KINDS, MOST_REASON, Switches
from app.store.switches import SwitchRows

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the commands."""
    off = commands.add_parser("disable", help="switch something off, in every process, now")
    on = commands.add_parser("enable", help="switch it on again")
    for command in (off, on):
        command.add_argument("kind", choices=KINDS)
        command.add_argument("name", nargs="?", default="", help="a slug, a model's id, or an action: " + ", ".join(ACTIONS))  # fmt: skip
    off.add_argument("--reason", required=True, help="clinicians read it; no patient data")
    off.set_defaults(act=_disable)
    on.set_defaults(act=_enable)
    commands.add_parser("disabled", help="what is off").set_defaults(act=_list)


def _disable(desk: Desk, given: argparse.Namespace) -> int:
    reason = given.reason.strip()
    if not reason or len(reason) > MOST_REASON or not reason.isprintable():
        raise ConfigurationError(f"--reason: one line of at most {MOST_REASON} characters")
    _demand_known(desk, given.kind, given.name)
    _switches(desk).disable(given.kind, given.name, reason)
    _audit(desk, "disable", given, reason)
    return _list(desk, given)


def _enable(desk: Desk, given: argparse.Namespace) -> int:
    if not _switches(desk).enable(given.kind, given.name):
        raise ConfigurationError(f"{_what(given.kind, given.name)} is not switched off")
    _audit(desk, "enable", given, "")
    return _list(desk, given)


def _list(desk: Desk, _: argparse.Namespace) -> int:
    found = _switches(desk).all()
    lines = [
        f"{_what(one.kind, one.name)}  since {one.since:%Y-%m-%dT%H:%MZ}  {plain(one.reason)}\n"
        for one in found
    ]
    return say("".join(lines) or "Nothing is switched off.\n")


def _switches(desk: Desk) -> Switches:
    return Switches(SwitchRows(desk.engine), Registry(()), desk.clock)


def _demand_known(desk: Desk, kind: str, name: str) -> None:
    """Refuse a name that is nothing: a typing mistake would leave it on.

    A model may be known to the server only (its keys may not stand in this shell): then that is said, and it is off.

    Raises:
        ConfigurationError: the message lists what there is.
    """
    if kind == "all":
        if name:
            raise ConfigurationError("all takes no name")
        return
    known = _slugs(desk) if kind == "registration" else _models(desk) if kind == "model" else ACTIONS  # fmt: skip
    if name in known:
        return
    listed = ", ".join(sorted(known)) or "none"
    if kind == "model" and name:
        sys.stderr.write(
            f"note: no model {name} is known here ({listed}); it is off all the same\n"
        )
    else:
        raise ConfigurationError(f"no {kind} {name or '(no name given)'}; there is: {listed}")


def _slugs(desk: Desk) -> Collection[str]:
    folder = desk.settings.launch_config
    return {str(read_toml(path).get("slug", "")) for path in folder.glob("*.toml")} - {""}


def _models(desk: Desk) -> Collection[str]:
    """Return the models of this process and of every registration: a server may have others than this shell."""
    folder, origin = desk.settings.launch_config, desk.settings.origin
    known = {config.id for config in desk.models.configs()}
    for path in folder.glob("*.toml"):
        try:
            known |= set(load_registration(path, origin=origin).models.allowed)
        except ConfigurationError:
            continue  # a draft
    return known - {ANY_MODEL}


def _audit(desk: Desk, act: str, given: argparse.Namespace, reason: str) -> None:
    who = Who(registration=given.name if given.kind == "registration" else "")
    detail = {"act": act, "kind": given.kind, "name": given.name, "reason": reason, "by": getpass.getuser()}  # fmt: skip
    desk.audit.record("switch", who, detail)


def _what(kind: str, name: str) -> str:
    return kind if kind == "all" else f"{kind} {name}"
