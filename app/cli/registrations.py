"""`new`, `check`, `sheet` and `schema`: write a registration, say what is wrong with it, print what the EHR's form asks."""

import argparse
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from app.cli.desk import Desk, plain, say
from app.smart.announced import Finding
from app.smart.doctor import examine, read_file
from app.smart.network import way_out
from app.smart.registration import Registration
from app.smart.registry import is_draft
from app.smart.sheet import as_text, sheet
from app.smart.templates import VENDORS, provisional, template, write

if TYPE_CHECKING:
    from app.cli.desk import Commands

MARKS = {"fix": "FIX ", "look": "LOOK", "fine": "ok  "}


def add(commands: "Commands") -> None:
    """Add the commands."""
    new = commands.add_parser("new", help="write a first registration of an EHR")
    new.add_argument("--vendor", choices=sorted(VENDORS), required=True)
    check = commands.add_parser("check", help="say what is wrong with a registration, and where")
    check.add_argument("--online", action="store_true", help="ask the EHR too; needs no token")
    printed = commands.add_parser("sheet", help="what to paste into the EHR's form")
    for command, act in ((new, _new), (check, _check), (printed, _sheet)):
        command.add_argument("name", help="the registration's file, without .toml")
        command.set_defaults(act=act)


def schema() -> str:
    """Return the JSON Schema of a registration, for editors."""
    found = msgspec.json.schema(Registration)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Chartside registration",
    }
    return json.dumps(head | found, indent=2, ensure_ascii=False) + "\n"


def _new(desk: Desk, given: argparse.Namespace) -> int:
    text = template(given.vendor, given.name, desk.settings.origin)
    path = desk.settings.launch_config / f"{given.name}.toml"
    write(path, text)
    return say(
        f"{path} is written. Fill it in, then: python -m app.cli check {given.name}\n"
        "It is a draft: no launch uses it, and the server starts beside it, until it says enabled = true.\n"
    )


def _check(desk: Desk, given: argparse.Namespace) -> int:
    registration, found = _read(desk, given.name)
    if registration and given.online:
        boundary = way_out(registration, desk.settings.variables, desk.transport)
        try:
            found += examine(registration, boundary, file=f"{given.name}.toml", clock=desk.clock)
        finally:
            boundary.close()
    return _report(found)


def _sheet(desk: Desk, given: argparse.Namespace) -> int:
    path = desk.path(given.name)
    registration: Registration | None
    if is_draft(path):
        registration = provisional(path)
    else:
        registration, found = _read(desk, given.name)
        if registration is None:
            return _report(found)
    models = desk.models.configs()
    sections = sheet(registration, desk.settings.origin, registration.models, models)
    return say(as_text(f"Register Chartside at {registration.name}", sections))


def _read(desk: Desk, name: str) -> tuple[Registration | None, list[Finding]]:
    return read_file(
        desk.path(name),
        origin=desk.settings.origin,
        production=desk.settings.environment == "production",
        variables=desk.settings.variables,
        kids=lambda: {key.kid for key in desk.keyring.states()},
    )


def _report(found: Sequence[Finding]) -> int:
    """Print findings; the exit code is 1 if one stops launches."""
    say("".join(f"{MARKS[one.level]} {one.about}: {plain(one.sentence)}\n" for one in found))
    levels = [one.level for one in found]
    say(f"{levels.count('fix')} to fix, {levels.count('look')} to look at.\n")
    return 1 if "fix" in levels else 0
