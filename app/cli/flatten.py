"""`flatten`: write an own store's records as flat tables (Parquet) that other warehouses read."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from app.audit.log import Who
from app.cli.desk import Desk, plain, say
from app.cli.exports import PARTLY, request_of
from app.errors import ChartsideError, ConfigurationError
from app.fhir.labels import Labels
from app.smart.registration import Registration
from app.warehouse.bulk.landing import folder_of
from app.warehouse.flatten.commit import Engine, Flattening, Manifest
from app.warehouse.flatten.on_duckdb import OnDuckDb
from app.warehouse.flatten.on_spark import OnSpark
from app.warehouse.flatten.tables import tasks_of
from app.warehouse.spark.session import LOCAL
from app.warehouse.store.snapshot import current
from app.wiring import build

if TYPE_CHECKING:
    from app.cli.desk import Commands


def add(commands: "Commands") -> None:
    """Add the command."""
    flatten = commands.add_parser("flatten", help="write a store's records as Parquet tables")
    flatten.add_argument("name", help="the registration's file, without .toml")
    flatten.add_argument("--group", default="", help="one of [bulk] groups")
    flatten.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    flatten.add_argument("--master", default=LOCAL, help=f"Spark's master (default {LOCAL})")
    flatten.add_argument(
        "--out", type=Path, help="where to (default: tables/ beside the snapshots)"
    )
    flatten.add_argument("--views", default="", help="names of views, separated by commas (default: all)")  # fmt: skip
    flatten.add_argument("--with-identifiers", action="store_true", help="also views of names, addresses and numbers")  # fmt: skip
    flatten.add_argument("--keep", type=_count, default=2, help="how many folders of tables stay (default 2)")  # fmt: skip
    flatten.set_defaults(act=_flatten)


def _flatten(desk: Desk, given: argparse.Namespace) -> int:
    services = build(desk.settings, transport=desk.transport, clock=desk.clock)
    registration = services.registry.get(given.name)
    if registration is None:
        raise ConfigurationError(f"no registration {given.name}")
    if registration.bulk is None:
        raise ConfigurationError(f"{given.name} has no [bulk]: it has no store")
    request_of(registration.bulk, given.group)
    data_set = folder_of(desk.settings.warehouse, registration.slug, given.group)
    engine: Engine = OnSpark(master=given.master) if given.engine == "spark" else OnDuckDb()
    work = Flattening(
        data_set=data_set, out=given.out or data_set / "tables", labels=_labels(registration),
        engine=engine, kept=given.keep,
    )  # fmt: skip
    who = Who(registration=registration.slug)
    asked = {"group": given.group, "engine": engine.name, "identifiers": bool(given.with_identifiers), "views": given.views}  # fmt: skip
    services.audit.record("flatten", who, {**asked, "phase": "begun", "out": str(work.out)})
    try:
        services.switches.demand(registration.slug, "export")
        found = current(data_set)
        named = tuple(filter(None, given.views.split(",")))
        tasks, direct = tasks_of(found[1].counts if found else {}, desk.settings.views, named, identifiers=given.with_identifiers)  # fmt: skip
        manifest = work.run(tasks, direct, services.clock())
    except ChartsideError as error:
        services.audit.record("flatten", who, {**asked, "phase": "stopped", "error": error.code})
        if isinstance(error, ConfigurationError):
            raise
        sys.stderr.write(f"{plain(error.public)}\n{plain(str(error))}\n")
        return 1
    services.audit.record("flatten", who, {
        **asked, "phase": "written", "number": manifest.number, "snapshot": manifest.snapshot, "tables": len(manifest.tables),
        "rows": sum(one.rows for one in manifest.tables), "withheld": sum(manifest.withheld.values()), "missing": sorted(manifest.missing),
    })  # fmt: skip
    say(_said(manifest, work.out))
    return PARTLY if manifest.missing else 0


def _labels(registration: Registration) -> Labels:
    named = registration.restricted.labels
    return Labels(audiences={(one.system, one.code): frozenset(one.audience) for one in named})


def _said(manifest: Manifest, out: Path) -> str:
    rows, size = (sum(getattr(one, name) for one in manifest.tables) for name in ("rows", "bytes"))
    lines = [f"{len(manifest.tables)} tables, {rows:,} rows, {size:,} bytes, of snapshot {manifest.snapshot}: {out / f'{manifest.number:06d}'}"]  # fmt: skip
    if manifest.withheld:
        counted = ", ".join(f"{count:,} {kind}" for kind, count in manifest.withheld.items())
        lines.append(f"  left out for a restricting label: {counted}")
    if manifest.not_asked:
        lines.append(f"  identify patients, left out: {', '.join(manifest.not_asked)} (--with-identifiers)")  # fmt: skip
    lines += [f"  incomplete: {kind}: {why}" for kind, why in manifest.incomplete.items()]
    lines += [f"  no table: {name}: {why}" for name, why in manifest.missing.items()]
    return "".join(f"{plain(line)}\n" for line in lines)


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError("a number from 1")
    return int(text)
