"""`cohort`: questions about many patients, for a user whom the registration names.

Who runs a command can read the files it reads. `--as` says for whom it is run: the rights of the registration hold, and
the audit names that user.
"""

import argparse
import csv
import io
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from app.audit.log import Who
from app.cli.desk import Desk, plain, say
from app.errors import ChartsideError, ConfigurationError
from app.fhir.labels import Labels
from app.fhir.measures.rules import load
from app.smart.registration import Registration
from app.smart.registry import Registry, load_registration
from app.smart.switches import Switches
from app.store.switches import SwitchRows
from app.warehouse.bulk.landing import folder_of
from app.warehouse.cohort import named
from app.warehouse.cohort.answers import Cohorts, Table
from app.warehouse.cohort.criteria import Cohort, read
from app.warehouse.cohort.flat import flat
from app.warehouse.cohort.measures import STATUSES
from app.warehouse.cohort.memory import FILE, Answered
from app.warehouse.store.snapshot import current

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the command and what it can do."""
    cohort = commands.add_parser("cohort", help="ask about many patients in the own store")
    acts = cohort.add_subparsers(dest="cohort_act", required=True)
    for name, words, act in (
        ("count", "how many patients fit", _count),
        ("list", "which patients fit, as CSV", _list),
        ("group", "which patients fit, as a FHIR Group", _group),
    ):
        one = acts.add_parser(name, help=words)
        _add_whose(one)
        one.add_argument("criteria", help="a JSON file of criteria, or the name of a shipped query")
        one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of a shipped query")  # fmt: skip
        if name == "count":
            one.add_argument("--by", action="append", default=[], choices=("age", "sex"))
            one.add_argument("--csv", action="store_true")
        one.set_defaults(act=_saying(act))
    query = acts.add_parser("query", help="a SELECT of counts over the de-identified tables")
    _add_whose(query)
    query.add_argument(
        "sql", help="SELECT sex, count(DISTINCT patient_key) FROM patient GROUP BY sex"
    )
    query.add_argument("--csv", action="store_true")
    query.set_defaults(act=_saying(_query))
    measure = acts.add_parser("measure", help="the rules of care over all patients")
    _add_whose(measure)
    measure.add_argument("rule", nargs="*", help="keys of rules; all, if none is named")
    measure.add_argument("--list", dest="status", choices=STATUSES, help="which patients: of one rule, by id")  # fmt: skip
    measure.add_argument("--csv", action="store_true")
    measure.set_defaults(act=_saying(_measure))
    listed = acts.add_parser("names", help="the queries that ship, with their parameters")
    listed.set_defaults(act=_names)


def _add_whose(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="the registration's file, without .toml")
    command.add_argument("--as", dest="user", required=True, metavar="Practitioner/123", help="for whom it is run")  # fmt: skip
    command.add_argument("--group", default="", help="one of [bulk] groups")


def _saying(
    act: Callable[[Desk, argparse.Namespace], int],
) -> Callable[[Desk, argparse.Namespace], int]:
    """Return a command that says why it is refused."""

    def run(desk: Desk, given: argparse.Namespace) -> int:
        try:
            return act(desk, given)
        except ConfigurationError:
            raise
        except ChartsideError as error:
            sys.stderr.write(f"{plain(error.public)}\n{plain(str(error))}\n")
            return 1

    return run


def _count(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, _ = cohorts_of(desk, given)
    table = with_rights.count(_criteria(given), tuple(dict.fromkeys(given.by)))
    return say(as_csv(table) if given.csv else as_text(table))


def _list(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, registration = cohorts_of(desk, given)
    link = registration.bulk.chart_link if registration.bulk else ""
    lines = [
        (one, link.replace("{patient}", one))
        for one in with_rights.patients(_criteria(given), "list")
    ]
    return say(_csv([("patient", "chart"), *lines]))


def _group(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, _ = cohorts_of(desk, given)
    group = with_rights.group(_criteria(given), Path(given.criteria).stem)
    return say(orjson.dumps(group, option=orjson.OPT_INDENT_2).decode() + "\n")


def _query(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, _ = cohorts_of(desk, given)
    table = with_rights.select(given.sql)
    return say(as_csv(table) if given.csv else as_text(table))


def _measure(desk: Desk, given: argparse.Namespace) -> int:
    rules = {rule.key: rule for rule in load().rules}
    if unknown := [key for key in given.rule if key not in rules]:
        raise ConfigurationError(f"no rule {unknown[0]}; there are {', '.join(rules)}")
    chosen = [rules[key] for key in given.rule or rules]
    with_rights, _ = cohorts_of(desk, given)
    if given.status is None:
        table = with_rights.measures(chosen)
        return say(as_csv(table) if given.csv else as_text(table))
    if len(chosen) != 1:
        raise ConfigurationError("--list is of one rule")
    found = with_rights.measured(chosen[0], given.status)
    return say(_csv([("patient",), *((one,) for one in found)]))


def _names(desk: Desk, given: argparse.Namespace) -> int:
    del desk, given
    for one in named.shipped().values():
        say(f"{one.name:<28} {one.title}\n")
        for name, parameter in one.parameters.items():
            say(f"    --set {name}={parameter.default}   {parameter.words}\n")
    return 0


def _criteria(given: argparse.Namespace) -> Cohort:
    shipped = named.shipped()
    if given.criteria in shipped:
        pairs = dict(one.partition("=")[::2] for one in given.set)
        return named.fill(shipped[given.criteria], pairs)
    if given.set:
        raise ConfigurationError("--set is for a shipped query")
    try:
        return read(Path(given.criteria).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{given.criteria} is no file and no shipped query; see `cohort names`") from error  # fmt: skip


def cohorts_of(desk: Desk, given: argparse.Namespace) -> tuple[Cohorts, Registration]:
    """Return the cohorts of a registration's data set for one user, with the rights that the registration gives.

    Raises:
        ConfigurationError: nothing is exported from there, or nothing was yet.
    """
    registration = load_registration(desk.path(given.name), origin=desk.settings.origin)
    Switches(SwitchRows(desk.engine), Registry([registration]), desk.clock).demand(
        registration.slug, "cohort"
    )
    if registration.bulk is None:
        raise ConfigurationError(f"{given.name} has no [bulk]: nothing is exported from it")
    path = folder_of(desk.settings.warehouse, given.name, given.group)
    found = current(path)
    if found is None:
        raise ConfigurationError("nothing was exported yet")
    labels = Labels(
        audiences={
            (one.system, one.code): frozenset(one.audience)
            for one in registration.restricted.labels
        }
    )
    audit, who = (
        desk.audit,
        Who(registration=registration.slug, user_reference=given.user),
    )

    def record(detail: Mapping[str, str | int | list[str]]) -> None:
        audit.record("cohort", who, {**detail, "group": given.group})

    return Cohorts(
        flat=flat(*found, labels, registration.site.time_zone),
        answered=Answered(path=path / FILE),
        user=given.user,
        analyst=given.user in registration.bulk.analysts,
        lists=given.user in registration.bulk.lists,
        record=record,
        clock=desk.clock,
    ), registration


def as_text(table: Table) -> str:
    """Return a table with its words, as columns of text."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    rows = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]  # fmt: skip
    return plain("\n".join([table.words, *rows, *table.notes])) + "\n"


def as_csv(table: Table) -> str:
    """Return a table as CSV; what is left out stands in lines of its own, behind a #."""
    return _csv([table.columns, *table.rows]) + "".join(f"# {one}\n" for one in (table.words, *table.notes))  # fmt: skip


def _csv(rows: list[tuple[str, ...]]) -> str:
    out = io.StringIO()
    # A spreadsheet takes a cell that begins with = + - @ for a formula.
    csv.writer(out, lineterminator="\n").writerows(
        [f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell for cell in row]
        for row in rows
    )
    return out.getvalue()
