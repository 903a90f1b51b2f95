"""`cohort`: questions about many patients, for a user whom the registration names.

Who runs a command can read the files it reads. `--as` says for whom it is run: the rights of the registration hold, and
the audit names that user.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import orjson

from app.audit.log import Who
from app.cli.desk import Desk, plain, say
from app.errors import ChartsideError, CohortRefused, ConfigurationError
from app.fhir.measures.rules import load
from app.smart.registration import Registration
from app.smart.registry import Registry, load_registration
from app.smart.switches import Switches
from app.store.switches import SwitchRows
from app.tools.cohort_tools import CohortRegistry
from app.warehouse.cohort import named
from app.warehouse.cohort.answers import Cohorts, Table
from app.warehouse.cohort.criteria import Cohort, read
from app.warehouse.cohort.describe import PARTS
from app.warehouse.cohort.flat import flat
from app.warehouse.cohort.measures import STATUSES
from app.warehouse.cohort.on_spark import flat_on_spark
from app.warehouse.cohort.opening import Asker, Opener, open_cohorts
from app.warehouse.cohort.printed import as_csv, csv_of
from app.warehouse.spark.session import LOCAL

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the command and what it can do."""
    cohort = commands.add_parser("cohort", help="ask about many patients in the own store")
    acts = cohort.add_subparsers(dest="cohort_act", required=True)
    for name, words, act in (
        ("count", "how many patients fit", _count),
        ("describe", "what the patients who fit are like, in counts", _describe),
        ("list", "which patients fit, as CSV", _list),
        ("group", "which patients fit, as a FHIR Group", _group),
    ):
        one = acts.add_parser(name, help=words)
        _add_whose(one)
        one.add_argument("criteria", help="a JSON file of criteria, or the name of a shipped query")
        one.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of a shipped query")  # fmt: skip
        if name == "count":
            one.add_argument("--by", action="append", default=[], choices=("age", "sex"))
        if name == "describe":
            one.add_argument("--part", action="append", default=[], choices=PARTS)
        if name in ("count", "describe"):
            one.add_argument("--csv", action="store_true")
        if name != "describe":
            _add_engine(one)
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
    _add_engine(measure)
    measure.set_defaults(act=_saying(_measure))
    listed = acts.add_parser("names", help="the queries that ship, with their parameters")
    listed.set_defaults(act=_names)


def _add_whose(command: argparse.ArgumentParser) -> None:
    command.add_argument("name", help="the registration's file, without .toml")
    command.add_argument("--as", dest="user", required=True, metavar="Practitioner/123", help="for whom it is run")  # fmt: skip
    command.add_argument("--group", default="", help="one of [bulk] groups")


def _add_engine(command: argparse.ArgumentParser) -> None:
    command.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb", help="what answers (default duckdb)")  # fmt: skip
    command.add_argument("--master", default=LOCAL, help=f"Spark's master (default {LOCAL})")


def _saying(
    act: Callable[[Desk, argparse.Namespace], int],
) -> Callable[[Desk, argparse.Namespace], int]:
    """Return a command that says why it is refused."""

    def run(desk: Desk, given: argparse.Namespace) -> int:
        try:
            with ExitStack() as given.until_done:
                return act(desk, given)
        except ConfigurationError:
            raise
        except ChartsideError as error:
            sys.stderr.write(f"{plain(error.public)}\n{plain(str(error))}\n")
            return 1

    return run


def _asked(
    desk: Desk, given: argparse.Namespace, tool: str, arguments: Mapping[str, object]
) -> int:
    """Ask by one of the tools that the page and MCP hosts have, and print what it gives."""
    with_rights, _ = cohorts_of(desk, given)
    result = CohortRegistry(with_rights).call(tool, arguments)
    if result.is_error:
        sys.stderr.write(f"{plain(result.text)}\n")
        return 1
    return say(as_csv(result.tables) if given.csv else "\n".join(map(as_text, result.tables)))


def _count(desk: Desk, given: argparse.Namespace) -> int:
    by = tuple(dict.fromkeys(given.by))
    if given.criteria in named.shipped():
        arguments = {"name": given.criteria, "parameters": _parameters(given), "by": by}
        return _asked(desk, given, "cohort_named", arguments)
    criteria = msgspec.to_builtins(_criteria(given))
    return _asked(desk, given, "cohort_count", {"criteria": criteria, "by": by})


def _describe(desk: Desk, given: argparse.Namespace) -> int:
    criteria = msgspec.to_builtins(_criteria(given))
    parts = tuple(dict.fromkeys(given.part)) or PARTS
    return _asked(desk, given, "cohort_describe", {"criteria": criteria, "parts": parts})


def _list(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, registration = cohorts_of(desk, given)
    link = registration.bulk.chart_link if registration.bulk else ""
    lines = [
        (one, link.replace("{patient}", one))
        for one in with_rights.patients(_criteria(given), "list")
    ]
    return say(csv_of([("patient", "chart"), *lines]))


def _group(desk: Desk, given: argparse.Namespace) -> int:
    with_rights, _ = cohorts_of(desk, given)
    group = with_rights.group(_criteria(given), Path(given.criteria).stem)
    return say(orjson.dumps(group, option=orjson.OPT_INDENT_2).decode() + "\n")


def _query(desk: Desk, given: argparse.Namespace) -> int:
    return _asked(desk, given, "cohort_query", {"sql": given.sql})


def _measure(desk: Desk, given: argparse.Namespace) -> int:
    rules = {rule.key: rule for rule in load().rules}
    if unknown := [key for key in given.rule if key not in rules]:
        raise ConfigurationError(f"no rule {unknown[0]}; there are {', '.join(rules)}")
    if given.status is None:
        return _asked(desk, given, "cohort_measures", {"rules": tuple(given.rule)})
    if len(given.rule) != 1:
        raise ConfigurationError("--list is of one rule")
    with_rights, _ = cohorts_of(desk, given)
    found = with_rights.measured(rules[given.rule[0]], given.status)
    return say(csv_of([("patient",), *((one,) for one in found)]))


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
        values = {name: f"{value:g}" for name, value in _parameters(given).items()}
        return named.fill(shipped[given.criteria], values)
    if given.set:
        raise ConfigurationError("--set is for a shipped query")
    try:
        return read(Path(given.criteria).read_bytes())
    except OSError as error:
        raise ConfigurationError(f"{given.criteria} is no file and no shipped query; see `cohort names`") from error  # fmt: skip


def _parameters(given: argparse.Namespace) -> dict[str, float]:
    pairs = dict(one.partition("=")[::2] for one in given.set)
    try:
        return {name: float(value) for name, value in pairs.items()}
    except ValueError as error:
        raise ConfigurationError("--set NAME=NUMBER") from error


def cohorts_of(desk: Desk, given: argparse.Namespace) -> tuple[Cohorts, Registration]:
    """Return the cohorts of a registration's data set for one user, with the rights that the registration gives.

    Raises:
        ConfigurationError: nothing is exported from there, or nothing was yet.
    """
    registration = load_registration(desk.path(given.name), origin=desk.settings.origin)
    Switches(SwitchRows(desk.engine), Registry([registration]), desk.clock).demand(
        registration.slug, "cohort"
    )
    audit, who = desk.audit, Who(registration=registration.slug, user_reference=given.user)

    def record(detail: Mapping[str, str | int | list[str]]) -> None:
        audit.record("cohort", who, {**detail, "group": given.group, "via": "command"})

    try:
        found = open_cohorts(
            desk.settings.warehouse, registration, given.group, Asker(user=given.user), record, desk.clock, _tables(given),
        )  # fmt: skip
    except CohortRefused as error:
        raise ConfigurationError(str(error)) from error
    return found, registration


def _tables(given: argparse.Namespace) -> Opener:
    """Return what opens the flat tables in the engine that was asked for; Spark's session ends with the command."""
    if getattr(given, "engine", "duckdb") == "duckdb":
        return flat
    until_done: ExitStack = given.until_done
    return lambda folder, snapshot, labels, zone: until_done.enter_context(
        flat_on_spark(folder, snapshot, labels, zone, given.master)
    )


def as_text(table: Table) -> str:
    """Return a table with its words, as columns of text."""
    lines = [table.columns, *table.rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(table.columns))]
    rows = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines]  # fmt: skip
    return plain("\n".join([table.words, *rows, *table.notes])) + "\n"
