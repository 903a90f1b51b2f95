"""`flatten` writes every view of a snapshot as Parquet, whole or not at all, without what is restricted."""

import base64
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.audit.log import AuditLog
from app.cli import main
from app.fhir.labels import Labels
from app.store.engine import open_database
from app.warehouse.flatten.commit import Flattening
from app.warehouse.flatten.errors import FlattenFailed
from app.warehouse.flatten.on_duckdb import OnDuckDb
from app.warehouse.flatten.tables import ROW_GROUP, tasks_of
from app.warehouse.store.record import held_back
from app.warehouse.store.withheld import withhold
from app.warehouse.views import Table, shipped
from tests.cohort_store import AS_OF, store
from tests.stack import APP, ROOT, Clock

ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
SECRET = {"security": [{"system": ACT, "code": "PSYTHPN"}]}
OPENED = f'\n[[restricted.labels]]\nsystem = "{ACT}"\ncode = "PSYTHPN"\naudience = ["bulk"]\n'
OWN: dict[str, Any] = {
    "resourceType": "ViewDefinition", "name": "weights", "status": "active", "resource": "Observation",
    "select": [{"column": [{"name": "id", "path": "getResourceKey()"}, {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"}]}],
}  # fmt: skip


def resources() -> Iterator[dict[str, Any]]:
    for n in range(6):
        yield {"resourceType": "Patient", "id": f"p{n}", "gender": "other", "name": [{"family": "Invented", "given": [f"N{n}"]}]}  # fmt: skip
        subject = {"reference": f"Patient/p{n}"}
        for part in reversed(range(4)):
            yield {
                "resourceType": "Observation", "id": f"o{n}-{part}", "status": "final", "subject": subject, "valueQuantity": {"value": part},
                "effectiveDateTime": f"2025-0{part + 1}-01", "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}] * 2},
                **({"meta": SECRET} if (n, part) == (3, 0) else {}),
            }  # fmt: skip
    # A visit that is restricted takes what happened there with it.
    yield {"resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "subject": {"reference": "Patient/p0"}, "meta": SECRET}  # fmt: skip
    yield {"resourceType": "Condition", "id": "c1", "subject": {"reference": "Patient/p0"}, "encounter": {"reference": "Encounter/e1"}}  # fmt: skip
    yield {"resourceType": "Location", "id": "l1", "name": "Ward"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A store and the commands that work on it."""

    place: Path
    environ: dict[str, str]
    printed: pytest.CaptureFixture[str]

    @property
    def data_set(self) -> Path:
        return self.place / "warehouse" / "sandbox" / "all"

    @property
    def tables(self) -> Path:
        return self.data_set / "tables"

    def run(self, *more: str, **variables: str) -> tuple[int, str]:
        code = main(("flatten", "sandbox", *more), self.environ | variables, clock=Clock())
        return code, "".join(self.printed.readouterr())

    def manifest(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.tables / "current" / "manifest.json").read_text())
        return found

    def audited(self) -> list[dict[str, Any]]:
        log = AuditLog(open_database(self.environ["CHARTSIDE_DATABASE_URL"]), Clock())
        return [json.loads(one.detail) for one in log.events() if one.kind == "flatten"]


@pytest.fixture
def site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Site:
    environ = {
        "CHARTSIDE_ENVIRONMENT": "development", "CHARTSIDE_ORIGIN": APP,
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(b"s" * 32).decode(),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{tmp_path}/chartside.db",
        "CHARTSIDE_LAUNCH_CONFIG": str(tmp_path / "registrations"), "CHARTSIDE_WAREHOUSE": str(tmp_path / "warehouse"),
    }  # fmt: skip
    (tmp_path / "registrations").mkdir()
    shutil.copy(ROOT / "launch_config" / "sandbox.toml", tmp_path / "registrations")
    return Site(place=tmp_path, environ=environ, printed=capsys)


def ask(sql: str) -> list[tuple[Any, ...]]:
    return duckdb.execute(sql).fetchall()


def test_every_view_is_a_table_that_its_manifest_describes(site: Site) -> None:
    store(site.data_set, resources())
    code, printed = site.run()
    assert (code, "identify patients, left out: " in printed) == (0, True), printed
    manifest = site.manifest()
    open_views = {name for name, view in shipped().items() if not view.restricted}
    tables = {one["view"]: one for one in manifest["tables"]}
    assert set(tables) == open_views
    assert (manifest["snapshot"], manifest["missing"], manifest["as_of"]["Patient"]) == (1, {}, AS_OF)  # fmt: skip
    # The Encounter's label counts for the Condition of that visit.
    assert manifest["withheld"] == {"Condition": 1, "Encounter": 1, "Observation": 1}
    assert "left out for a restricting label: 1 Condition, 1 Encounter, 1 Observation" in printed
    here = site.tables / "current"
    for name, table in tables.items():
        (file,) = table["files"]
        path = here / file["path"]
        content = path.read_bytes()
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["bytes"])  # fmt: skip
        described = ask(f"DESCRIBE FROM read_parquet('{path}')")
        assert [row[0] for row in described] == [column["name"] for column in table["columns"]]
        assert json.loads((here / "definitions" / f"{name}.json").read_text())["name"] == name
        assert path.stat().st_mode & 0o077 == 0
    assert {name: tables[name]["rows"] for name in ("patient", "observation", "observation_coding", "location", "condition")} == {
        "patient": 6, "observation": 23, "observation_coding": 46, "location": 1, "condition": 0,
    }  # fmt: skip
    rows = ask(f"SELECT patient_id, effective, id FROM read_parquet('{here}/observation/*')")
    assert rows == sorted(rows)
    assert ask(f"SELECT DISTINCT compression FROM parquet_metadata('{here}/observation/part-0.parquet')") == [("ZSTD",)]  # fmt: skip
    assert not list(site.tables.glob("*.part"))
    assert [one["phase"] for one in site.audited()] == ["begun", "written"]


def test_identifiers_and_labels_need_to_be_asked_for(site: Site) -> None:
    store(site.data_set, resources())
    code, printed = site.run("--views", "patient_name")
    assert (code, "--with-identifiers" in printed) == (2, True), printed
    with (site.place / "registrations" / "sandbox.toml").open("a") as file:
        file.write(OPENED)
    assert site.run("--with-identifiers", "--views", "patient_name,observation,condition")[0] == 0
    manifest = site.manifest()
    assert {one["view"]: (one["rows"], one["identifies"]) for one in manifest["tables"]} == {
        "patient_name": (6, True), "observation": (24, False), "condition": (1, False),
    }  # fmt: skip
    assert manifest["withheld"] == {}
    assert [(one["phase"], one["identifiers"]) for one in site.audited()] == [
        ("begun", False), ("stopped", False), ("begun", True), ("written", True),
    ]  # fmt: skip
    assert site.run("--views", "nothing")[0] == 2


def test_the_same_snapshot_gives_the_same_bytes_and_old_folders_go(site: Site) -> None:
    store(site.data_set, resources())
    found = []
    for _ in range(3):
        assert site.run("--views", "observation,observation_coding,location")[0] == 0
        found.append([(one["view"], one["files"]) for one in site.manifest()["tables"]])
    assert found[0] == found[1] == found[2]
    assert sorted(path.name for path in site.tables.iterdir()) == ["000002", "000003", "current", "lock"]  # fmt: skip


def test_a_site_has_views_of_its_own_and_what_stops_one_leaves_the_others(site: Site) -> None:
    own = site.place / "own"
    own.mkdir()
    (own / "weights.json").write_text(json.dumps(OWN))
    twice = OWN | {"name": "twice", "select": [{"column": [{"name": "code", "path": "code.coding.code"}]}]}  # fmt: skip
    (own / "twice.json").write_text(json.dumps(twice))
    store(site.data_set, resources())
    code, printed = site.run("--views", "weights,twice,patient", CHARTSIDE_VIEWS=str(own))
    assert code == 3
    assert "no table: twice: column code (collection is not true) has more than one item" in printed
    manifest = site.manifest()
    assert {one["view"]: one["rows"] for one in manifest["tables"]} == {"patient": 6, "weights": 23}
    assert list(manifest["missing"]) == ["twice"]
    assert not (site.tables / "current" / "twice").exists()
    (own / "patient.json").write_text(json.dumps(OWN | {"name": "patient"}))
    assert "a view of this name ships" in site.run(CHARTSIDE_VIEWS=str(own))[1]


def test_a_large_table_is_split_by_patient_and_holds_the_same_rows(tmp_path: Path) -> None:
    folder, snapshot = store(tmp_path / "set", resources())
    tasks, _ = tasks_of(
        snapshot.counts,
        None,
        ("observation", "observation_coding", "patient", "location"),
        identifiers=True,
        split_from=20,
    )
    work = Flattening(data_set=tmp_path / "set", out=tmp_path / "out", labels=Labels(), engine=OnDuckDb())  # fmt: skip
    manifest = work.run(tasks, (), Clock()())
    tables = {one.view: one for one in manifest.tables}
    assert {name for name, one in tables.items() if one.split_by} == {"observation", "observation_coding"}  # fmt: skip
    assert len(tables["observation"].files) > 1
    parts = f"read_parquet('{tmp_path}/out/current/observation/*/*.parquet', hive_partitioning = true, hive_types = {{'bucket': VARCHAR}})"
    assert ask(f"SELECT count(*) FROM {parts} WHERE bucket <> left(md5(patient_id), 1)") == [(0,)]
    with duckdb.connect(str(folder / "resources.duckdb"), read_only=True) as db:
        sql = shipped()["observation"].sql(Table())
        kept = f"SELECT * FROM ({sql}) WHERE id <> 'o3-0'"
        written = f"SELECT * EXCLUDE (bucket) FROM {parts}"
        for one, other in ((kept, written), (written, kept)):
            assert db.execute(f"{one} EXCEPT ALL {other}").fetchall() == []


def test_row_groups_are_small_enough_to_pass_over(tmp_path: Path) -> None:
    many = ({"resourceType": "Patient", "id": f"p{n:06d}"} for n in range(ROW_GROUP + 1))
    _, snapshot = store(tmp_path / "set", many)
    tasks, _ = tasks_of(snapshot.counts, None, ("patient",), identifiers=False)
    work = Flattening(data_set=tmp_path / "set", out=tmp_path / "out", labels=Labels(), engine=OnDuckDb())  # fmt: skip
    work.run(tasks, (), Clock()())
    file = tmp_path / "out/current/patient/part-0.parquet"
    assert ask(f"SELECT DISTINCT row_group_num_rows FROM parquet_metadata('{file}') ORDER BY 1") == [(1,), (ROW_GROUP,)]  # fmt: skip


class Dying:
    """An engine that is ended in the middle."""

    name = "dying"

    def write(self, db: duckdb.DuckDBPyConnection, tasks: Any, place: Path, spill: Path) -> dict[str, str]:  # fmt: skip
        OnDuckDb().write(db, tasks[:1], place, spill)
        raise KeyboardInterrupt


def test_a_run_that_ends_early_leaves_what_was_there(site: Site) -> None:
    _, snapshot = store(site.data_set, resources())
    assert site.run("--views", "patient")[0] == 0
    tasks, _ = tasks_of(snapshot.counts, None, ("patient", "location"), identifiers=False)
    work = Flattening(data_set=site.data_set, out=site.tables, labels=Labels(), engine=Dying())
    with pytest.raises(KeyboardInterrupt):
        work.run(tasks, (), Clock()())
    assert (site.tables / "current").resolve().name == "000001"
    assert sorted(path.name for path in site.tables.iterdir()) == ["000001", "current", "lock"]
    with work._alone(), pytest.raises(FlattenFailed, match="another run"):
        work.run(tasks, (), Clock()())


def test_without_a_store_or_spark_it_says_what_to_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    code, printed = site.run()
    assert (code, "there is no snapshot yet: export first" in printed) == (1, True)
    store(site.data_set, resources())
    # Whether it is installed here or not.
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    code, printed = site.run("--engine", "spark")
    assert (code, "pip install --no-deps --require-hashes -r requirements-spark.txt" in printed) == (1, True)  # fmt: skip
    assert [one["phase"] for one in site.audited()] == ["begun", "stopped"] * 2
    assert not (site.tables / "current").exists()


def test_a_label_is_found_however_its_name_is_written_and_of_two_equal_names_none_is_believed() -> (
    None
):
    restricted, benign = '{"security":[{"code":"R"}]}', '{"security":[{"code":"HTEST"}]}'
    texts = (
        f'{{"meta":{{}},"meta":{restricted}}}', f'{{"meta":{benign},"meta":{restricted}}}', f'{{"meta":{restricted},"meta":{{}}}}',
        r'{"meta":{"security":[{"code":"HTEST"}]},"m\u0065ta":{"s\u0065curity":[{"code":"R"}]}}',
        r'{"meta":{"\u0073ecurity":[{"code":"R"}]}}', '{"meta":{"security":[{"code":"R"}]}}', '{"meta":["R"]}',
        '{"securityLabel":[{"coding":[{"code":"R"}]}]}', '{"meta":{"security":[{"code":"U"}]}}', '{"note":"security R"}',
    )  # fmt: skip
    with duckdb.connect() as db:
        db.execute("ATTACH ':memory:' AS store")
        db.execute("CREATE TABLE store.resource (resource_type VARCHAR, id VARCHAR, patient VARCHAR, json VARCHAR)")  # fmt: skip
        for number, text in enumerate(texts):
            db.execute("INSERT INTO store.resource VALUES ('Basic', ?, '', ?)", [str(number), text])
        assert withhold(db, Labels()) == {"Basic": 8}
        assert db.execute("SELECT id FROM kept ORDER BY 1").fetchall() == [("8",), ("9",)]
    assert [held_back(text, Labels(), "user") for text in texts] == [True] * 6 + [False] + [
        True
    ] + [False] * 2
