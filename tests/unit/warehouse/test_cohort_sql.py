"""A free SELECT counts patients of the de-identified tables; everything else is refused, twice: by the guard and by the file."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.errors import CohortRefused
from app.warehouse.cohort import adhoc
from app.warehouse.cohort.answers import Cohorts
from app.warehouse.cohort.memory import Answered
from tests.unit.warehouse.conftest import Made

N = "count(DISTINCT patient_key)"
ATTACKS = [
    # other files, databases, settings, the catalogue
    "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('/etc/passwd')", "SELECT * FROM read_blob('/etc/passwd')",
    "SELECT * FROM read_json('/tmp/x.json')", "SELECT * FROM read_parquet('/tmp/x')", "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"views.duckdb\"", "SELECT * FROM glob('/*')", "ATTACH 'views.duckdb' AS v", "DETACH deid", "USE main",
    "COPY patient TO '/tmp/out.csv'", "COPY patient FROM '/etc/passwd'", "EXPORT DATABASE '/tmp/x'", "IMPORT DATABASE '/tmp/x'",
    "INSTALL httpfs", "LOAD httpfs", "SET memory_limit='100GB'", "RESET memory_limit", "PRAGMA database_list", "PRAGMA version",
    "CALL pragma_version()", "SELECT * FROM duckdb_settings()", "SELECT * FROM duckdb_tables()", "SELECT * FROM duckdb_secrets()",
    "SELECT * FROM information_schema.tables", "SELECT * FROM pg_catalog.pg_tables", "SELECT * FROM sqlite_master",
    "SELECT * FROM duckdb_databases()", "SELECT current_setting('memory_limit')", "SELECT getenv('HOME')", "SHOW TABLES", "DESCRIBE patient",
    "SUMMARIZE patient", "FROM patient", "TABLE patient", "EXPLAIN SELECT 1", "EXPLAIN ANALYZE SELECT 1", "CHECKPOINT", "VACUUM",
    f"SELECT {N} FROM person", f"SELECT {N} FROM event", f"SELECT {N} FROM main.patient", f"SELECT {N} FROM deid.main.patient", "SELECT count(*) FROM concept",
    # changes, several statements, scripts
    "DELETE FROM patient", "UPDATE patient SET age = 1", "INSERT INTO patient SELECT * FROM patient", "DROP TABLE patient",
    "CREATE TABLE x AS SELECT * FROM patient", "CREATE MACRO f(x) AS x", "ALTER TABLE patient ADD COLUMN x INT", "TRUNCATE patient",
    f"SELECT {N} FROM patient; DROP TABLE patient", f"SELECT {N} FROM patient; SELECT * FROM patient", "BEGIN", "PREPARE p AS SELECT 1", "",
    f"SELECT {N} INTO x FROM patient", "VALUES (1)",
    # rows, keys, extremes, lists and texts of single patients
    "SELECT * FROM patient", "SELECT age FROM patient", "SELECT patient_key FROM patient", f"SELECT patient_key, {N} FROM patient GROUP BY patient_key",
    f"SELECT {N} FROM patient WHERE patient_key = 7", f"SELECT {N} FROM patient WHERE patient_key IN (1, 2)", "SELECT min(age) FROM patient",
    "SELECT max(value) FROM observation", "SELECT list(age) FROM patient", "SELECT array_agg(age) FROM patient", "SELECT string_agg(sex, ',') FROM patient",
    "SELECT group_concat(sex) FROM patient", "SELECT first(age) FROM patient", "SELECT last(age) FROM patient", "SELECT any_value(age) FROM patient",
    "SELECT arg_max(age, patient_key) FROM patient", "SELECT max_by(age, patient_key) FROM patient", "SELECT mode(age) FROM patient",
    "SELECT histogram(age) FROM patient", "SELECT quantile_cont(age, 0) FROM patient", "SELECT approx_quantile(age, 1) FROM patient",
    "SELECT bit_xor(patient_key) FROM patient", "SELECT sum(age) FROM patient", "SELECT avg(value) FROM observation", "SELECT count(*) FROM observation",
    "SELECT sum(patient_key) FROM patient", "SELECT count(patient_key) FROM patient", "SELECT count(DISTINCT age) FROM patient",
    "SELECT DISTINCT age FROM patient", f"SELECT {N} - 1 FROM patient", f"SELECT sqrt({N}) FROM patient",
    # a count of many that says something of one
    f"SELECT {N}, sum(CASE WHEN patient_key = 7 THEN age END) FROM patient", f"SELECT {N} FILTER (WHERE age = 70) FROM patient",
    f"SELECT {N}, count(*) FILTER (WHERE patient_key = 1) FROM patient", "SELECT count(DISTINCT CASE WHEN age = 70 THEN patient_key END) FROM patient",
    f"SELECT {N} FROM patient HAVING {N} < 5", f"SELECT {N} FROM patient HAVING max(age) = 80", f"SELECT {N}, (SELECT max(age) FROM patient) FROM patient",
    f"SELECT {N} FROM patient WHERE age = (SELECT max(age) FROM patient)", f"SELECT {N} FROM patient WHERE EXISTS (SELECT 1 FROM condition)",
    f"SELECT {N} FROM patient WHERE patient_key IN (SELECT patient_key FROM condition)", f"WITH p AS (SELECT * FROM patient LIMIT 1) SELECT {N} FROM p",
    f"SELECT {N} FROM (SELECT * FROM patient LIMIT 12)", f"SELECT {N} FROM patient UNION SELECT age FROM patient", f"SELECT {N} FROM patient QUALIFY rank() OVER (ORDER BY age) = 1",
    "SELECT row_number() OVER () FROM patient", f"SELECT {N} OVER () FROM patient", f"SELECT age % 90, {N} FROM patient GROUP BY age % 90",
    f"SELECT {N} FROM patient GROUP BY ALL", f"SELECT sex, {N} FROM patient GROUP BY ROLLUP (sex)", f"SELECT sex, {N} FROM patient GROUP BY CUBE (sex)",
    f"SELECT {N} FROM patient GROUP BY GROUPING SETS ((sex), ())", f"SELECT {N} FROM patient TABLESAMPLE 12 ROWS", f"SELECT {N} FROM patient USING SAMPLE 12",
    "SELECT count(DISTINCT a.patient_key) FROM patient a, patient b WHERE a.age < b.age", "SELECT count(DISTINCT a.patient_key) FROM patient a JOIN patient b ON a.age = b.age",
    "SELECT count(DISTINCT a.patient_key) FROM patient a LEFT JOIN condition b USING (patient_key)", "SELECT count(DISTINCT a.patient_key) FROM patient a CROSS JOIN condition b",
    "SELECT count(DISTINCT a.patient_key) FROM patient a JOIN condition b ON a.patient_key = b.patient_key AND a.age = 70",
    "SELECT count(DISTINCT a.patient_key) FROM patient a ASOF JOIN condition b USING (patient_key)", "SELECT count(DISTINCT a.patient_key) FROM patient a NATURAL JOIN condition b",
    "SELECT count(DISTINCT a.patient_key) FROM patient a POSITIONAL JOIN condition b",
    # pairs of everybody with everybody, of whom others are counted than are looked at; columns under the key's name
    "SELECT b.code, count(DISTINCT b.patient_key) FROM patient a JOIN condition b ON a.patient_key = a.patient_key GROUP BY b.code",
    "SELECT count(DISTINCT b.patient_key) FROM patient a JOIN condition b ON b.patient_key = B.patient_key WHERE b.code = 'I25.10'",
    "SELECT count(DISTINCT c.patient_key) FROM patient a JOIN patient b USING (patient_key) JOIN condition c ON a.patient_key = b.patient_key",
    "SELECT count(DISTINCT c.patient_key) FROM patient a JOIN patient b JOIN condition c ON b.patient_key = b.patient_key ON a.patient_key = b.patient_key",
    "SELECT count(DISTINCT b.patient_key) FROM patient a JOIN condition b ON patient_key = patient_key",
    f"SELECT {N} FROM patient AS p(sex, status, code, patient_key) WHERE sex BETWEEN 1 AND 100", f"SELECT code, {N} FROM condition AS c(code, patient_key) GROUP BY code",
    # what ends the query where one patient's record is there
    f"SELECT {N} FROM condition WHERE code = 5", f"SELECT {N} FROM condition WHERE code = 'I10' AND (code IN (5) OR status = 'x')",
    f"SELECT {N} FROM condition WHERE code", f"SELECT {N} FROM condition WHERE NOT code", f"SELECT {N} FROM condition WHERE year BETWEEN 2000 AND code",
    "SELECT count(DISTINCT c.patient_key) FROM patient p JOIN condition c USING (patient_key) WHERE c.code = p.age", f"SELECT {N} FROM patient WHERE sex = deceased",
    f"SELECT {N} FROM patient WHERE birth_year = 0.000000000000000000000000000000000000001", f"SELECT {N} FROM condition WHERE -code = 1",
    f"SELECT {N} FROM patient WHERE age LIKE '7%'", f"SELECT {N} FROM condition WHERE (code IS NULL) = 'x'", f"SELECT {N} FROM patient WHERE age = 1e400",
    f"SELECT {N} FROM patient WHERE hash(age) = 1", f"SELECT {N} FROM patient WHERE error(sex)", f"SELECT {N} FROM patient WHERE 1 / (age - 70) > 0",
    f"SELECT {N} FROM patient WHERE random() < 0.5", f"SELECT {N} FROM patient WHERE regexp_matches(sex, 'f')", f"SELECT {N} FROM patient ORDER BY max(age)",
    f"SELECT {N} FROM patient LIMIT (SELECT max(age) FROM patient)", f"SELECT sex, {N} FROM patient GROUP BY sex ORDER BY first(age)",
    "SELECT COLUMNS('.*') FROM patient", f"SELECT unnest([1]), {N} FROM patient", f"SELECT {N} FROM patient WHERE age = $1", f"SELECT {N} FROM range(10)",
    f"SELECT 'x' || sex, {N} FROM patient GROUP BY sex", f"SELECT {N} FROM patient PIVOT (count(*) FOR sex IN ('female'))", f"SELECT {N} FROM unnest([1])",
]  # fmt: skip
RAW = [
    "ATTACH '{folder}/views.duckdb' AS v", "SELECT * FROM read_csv('/etc/passwd')", "SELECT * FROM read_text('{folder}/views.duckdb')",
    "COPY patient TO '{folder}/out.csv'", "INSTALL httpfs", "LOAD httpfs", "SET enable_external_access = true", "SET lock_configuration = false",
    "CREATE TABLE x (a INT)", "DELETE FROM patient", "SELECT * FROM person", "SELECT * FROM event", "SELECT * FROM glob('{folder}/*')",
    "EXPORT DATABASE '{folder}/x'", "SELECT * FROM '{folder}/views.duckdb'",
]  # fmt: skip
ALLOWED = [
    f"SELECT {N} FROM patient", f"SELECT sex, {N} AS n FROM patient GROUP BY sex ORDER BY n DESC LIMIT 5",
    f"SELECT code, {N} FROM condition WHERE system = 'icd10' AND code LIKE 'E%' AND NOT status IN ('resolved') GROUP BY code",
    "SELECT p.sex, count(DISTINCT p.patient_key) AS patients FROM patient p JOIN condition c USING (patient_key) WHERE c.code = 'I10' AND p.age BETWEEN 40 AND 80 GROUP BY p.sex",
    "SELECT count(DISTINCT p.patient_key) FROM patient p JOIN observation o ON p.patient_key = o.patient_key WHERE o.code = '4548-4' AND o.value > 6",
    "SELECT count(DISTINCT p.patient_key) FROM patient p JOIN condition c ON C.patient_key = P.patient_key JOIN observation o ON o.patient_key = p.patient_key WHERE o.code = '4548-4' AND c.code = 'I10'",
    f"SELECT {N} FROM observation WHERE (value BETWEEN -1 AND 6.5 OR value > 7) AND NOT unit IS NULL AND code IN ('4548-4', '2345-7') AND system <> 'other'",
    f"SELECT {N} FROM patient WHERE NOT deceased AND (sex = 'female') = TRUE AND age IS NOT NULL", f"SELECT {N} FROM patient WHERE deceased = FALSE",
]  # fmt: skip


@pytest.fixture
def ask(made: Made, tmp_path: Path) -> Cohorts:
    answered = Answered(path=tmp_path / "answered.sqlite")
    return Cohorts(flat=made[0], answered=answered, user="Practitioner/1", analyst=True, lists=False, record=lambda _: None, clock=lambda: datetime(2026, 1, 15, tzinfo=UTC))  # fmt: skip


def test_every_attack_is_refused_before_it_runs() -> None:
    assert len(set(ATTACKS)) == len(ATTACKS) > 100
    through = []
    for sql in ATTACKS:
        with contextlib.suppress(CohortRefused):
            through.append((sql, adhoc.checked(sql)))
    assert through == []


def test_the_file_is_alone_and_locked_also_without_the_guard(made: Made) -> None:
    for sql in RAW:
        with adhoc._locked(made[0].folder) as db, pytest.raises(duckdb.Error):
            db.execute(sql.format(folder=made[0].folder)).fetchall()


@pytest.mark.parametrize("sql", ALLOWED)
def test_patients_are_counted(sql: str, ask: Cohorts, made: Made) -> None:
    table = ask.select(sql)
    place = next(iter(adhoc.checked(sql).counts))
    with duckdb.connect(str(made[0].folder / "deid.duckdb"), read_only=True) as db:
        whole = {tuple(map(str, row)) for row in db.execute(sql).fetchall() if row[place] >= 11}
    assert set(table.rows) == whole
    assert all(int(row[place]) >= 11 for row in table.rows)


def test_rows_of_few_patients_are_absent_and_counts_remember_each_other(
    ask: Cohorts, made: Made
) -> None:
    assert ask.select(f"SELECT {N} FROM condition WHERE code = 'I25.10'").rows == ()
    assert ask.select(f"SELECT {N} FROM patient WHERE age >= 30").rows == (("200",),)
    # All but few: the difference would be told, whether it is asked here or by criteria.
    with duckdb.connect(str(made[0].folder / "deid.duckdb"), read_only=True) as db:
        row = db.execute("SELECT a FROM range(30, 90) t(a) WHERE (SELECT count(*) FROM patient WHERE age < a) BETWEEN 1 AND 10 LIMIT 1").fetchone()  # fmt: skip
    assert row is not None
    table = ask.select(f"SELECT {N} FROM patient WHERE age >= {row[0]}")
    assert (table.rows, "1 row not shown" in " ".join(table.notes)) == ((), True)


def test_it_needs_the_right_and_stops_in_time(ask: Cohorts, made: Made) -> None:
    with pytest.raises(CohortRefused, match="not an analyst"):
        replace(ask, analyst=False).select(ALLOWED[0])
    slow = adhoc.Checked(sql="SELECT count(*) FILTER (WHERE sin(a.range + b.range) > 2), [1] FROM range(20000) a, range(100000000) b", outputs=("n",), counts=frozenset((0,)))  # fmt: skip
    with pytest.raises(CohortRefused, match="stopped after"):
        adhoc.run(made[0].folder, slow, longest_s=0.2)


def test_a_number_of_others_than_the_patients_of_a_row_is_never_told(made: Made) -> None:
    pairs = "FROM patient a JOIN condition b ON a.patient_key = a.patient_key WHERE b.code = 'I25.10'"  # fmt: skip
    sql = f"SELECT count(DISTINCT b.patient_key), array_agg(DISTINCT a.patient_key) {pairs}"
    with pytest.raises(CohortRefused, match="other patients"):
        adhoc.run(made[0].folder, adhoc.Checked(sql=sql, outputs=("n",), counts=frozenset((0,))))


def test_names_in_a_question_do_not_reach_the_audit(ask: Cohorts) -> None:
    seen: list[Any] = []
    note: Callable[[Any], None] = seen.append
    replace(ask, record=note).select(f"SELECT {N} FROM patient WHERE sex = 'Ada Lovelace'")
    with pytest.raises(CohortRefused):
        replace(ask, record=note).select("SELECT * FROM Lovelace")
    assert len(seen) == 2
    assert "Lovelace" not in str(seen)
