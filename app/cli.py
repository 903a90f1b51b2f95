"""Commands for health-system IT: register an EHR (`new`, `check`, `sheet`, `schema`) and rotate keys (`keys`).

`python -m app.cli --help` lists them. They read the same environment as the server, and work while it runs.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import msgspec

from app.boundary import Boundary
from app.errors import ConfigurationError
from app.llm.catalog import load as load_models
from app.llm.no_llm import NoLanguageModel
from app.llm.synonyms import load as load_synonyms
from app.settings import Settings
from app.smart.announced import Finding
from app.smart.doctor import examine, read_file
from app.smart.keys import Keyring, KeyState
from app.smart.registration import Registration
from app.smart.registry import is_draft
from app.smart.sheet import as_text, sheet
from app.smart.templates import VENDORS, provisional, template, write
from app.store.engine import open_database
from app.store.keys import KeyRows

MARKS = {"fix": "FIX ", "look": "LOOK", "fine": "ok  "}
Clock = Callable[[], datetime]


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
        return _say(schema())
    try:
        settings = Settings.from_env(os.environ if environ is None else environ)
        match given.command:
            case "new":
                return _new(settings, given.vendor, given.name)
            case "check":
                return _check(settings, given.name, given.online, transport, clock)
            case "sheet":
                return _sheet(settings, given.name, clock)
            case _:
                return _keys(_keyring(settings, clock), given)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 2


def schema() -> str:
    """Return the JSON Schema of a registration, for editors."""
    found = msgspec.json.schema(Registration)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Chartside registration",
    }
    return json.dumps(head | found, indent=2, ensure_ascii=False) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="chartside", description="Operate Chartside.")
    commands = parser.add_subparsers(dest="command", required=True)
    new = commands.add_parser("new", help="write a first registration of an EHR")
    new.add_argument("--vendor", choices=sorted(VENDORS), required=True)
    check = commands.add_parser("check", help="say what is wrong with a registration, and where")
    check.add_argument("--online", action="store_true", help="ask the EHR too; needs no token")
    sheet = commands.add_parser("sheet", help="what to paste into the EHR's form")
    for command in (new, check, sheet):
        command.add_argument("name", help="the registration's file, without .toml")
    commands.add_parser("schema", help="the JSON Schema of a registration")
    keys = commands.add_parser("keys", help="the keys that prove to EHRs who asks")
    acts = keys.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="every published key, and when it signs")
    rotate = acts.add_parser(
        "rotate", help="publish a new key now; it signs when every cache has it"
    )
    rotate.add_argument("--alg", choices=("RS384", "ES384"), default="ES384")
    return parser


def _new(settings: Settings, vendor: str, name: str) -> int:
    text = template(vendor, name, settings.origin)
    path = settings.launch_config / f"{name}.toml"
    write(path, text)
    return _say(
        f"{path} is written. Fill it in, then: python -m app.cli check {name}\n"
        "It is a draft: no launch uses it, and the server starts beside it, until it says enabled = true.\n"
    )


def _check(
    settings: Settings,
    name: str,
    online: bool,
    transport: httpx2.BaseTransport | None,
    clock: Clock,
) -> int:
    registration, found = _read(settings, name, clock)
    if registration and online:
        boundary = Boundary(registration.origins(), registration.sandbox, transport)
        try:
            found += examine(registration, boundary, file=f"{name}.toml", clock=clock)
        finally:
            boundary.close()
    return _report(found)


def _sheet(settings: Settings, name: str, clock: Clock) -> int:
    path = _path(settings.launch_config, name)
    registration: Registration | None
    if is_draft(path):
        registration = provisional(path)
    else:
        registration, found = _read(settings, name, clock)
        if registration is None:
            return _report(found)
    catalog = load_models(settings, NoLanguageModel(load_synonyms()))
    sections = sheet(registration, settings.origin, registration.models, catalog.configs())
    return _say(as_text(f"Register Chartside at {registration.name}", sections))


def _read(settings: Settings, name: str, clock: Clock) -> tuple[Registration | None, list[Finding]]:
    return read_file(
        _path(settings.launch_config, name),
        origin=settings.origin,
        production=settings.environment == "production",
        variables=settings.variables,
        kids=lambda: {key.kid for key in _keyring(settings, clock).states()},
    )


def _path(folder: Path, name: str) -> Path:
    """Return a registration's file.

    Raises:
        ConfigurationError: there is none of this name.
    """
    known = {path.stem: path for path in sorted(folder.glob("*.toml"))}
    if name not in known:
        raise ConfigurationError(
            f"no {name}.toml in {folder}; there is: {', '.join(known) or 'nothing'}"
        )
    return known[name]


def _keyring(settings: Settings, clock: Clock) -> Keyring:
    return Keyring(KeyRows(open_database(settings.database_url)), settings.secret_key, clock)


def _keys(keyring: Keyring, given: argparse.Namespace) -> int:
    if given.act == "rotate":
        keyring.rotate(given.alg)
    return _say("".join(map(_line, keyring.states())))


def _line(key: KeyState) -> str:
    gone = f"{key.withdrawn_at:%Y-%m-%dT%H:%MZ}" if key.withdrawn_at else "-"
    return f"{key.kid}  {key.alg}  {key.state:8}signs {key.signs_at:%Y-%m-%dT%H:%MZ}  gone {gone}\n"


def _report(found: Sequence[Finding]) -> int:
    """Print findings; the exit code is 1 if one stops launches."""
    _say("".join(f"{MARKS[one.level]} {one.about}: {_plain(one.sentence)}\n" for one in found))
    levels = [one.level for one in found]
    _say(f"{levels.count('fix')} to fix, {levels.count('look')} to look at.\n")
    return 1 if "fix" in levels else 0


def _plain(sentence: str) -> str:
    """Return a sentence without control characters: an EHR's words must not steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in sentence)


def _say(text: str) -> int:
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
