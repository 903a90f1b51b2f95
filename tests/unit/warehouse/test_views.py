import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from app.errors import ViewRefused, ViewStopped
from app.warehouse.views import Files, Table, compile_view, folder, load, run
from app.warehouse.views.source import Source
from tests.requirements import requirement

PATIENTS: list[dict[str, Any]] = [
    {
        "resourceType": "Patient",
        "id": "a",
        "birthDate": "1970-05",
        "_birthDate": {"extension": [{"url": "u", "valueString": "about"}]},
        "name": [{"family": "Ek", "given": ["Ada", None], "_given": [None, {"id": "x"}]}, {"use": "old"}],
        "deceasedDateTime": "2020-01-01T00:30:00+02:00",
        "generalPractitioner": [
            {"reference": "https://ehr.example/fhir/Practitioner/p1/_history/3"},
            {"reference": "urn:uuid:0c3151bd-1cbf-4d64-b04d-cd9187a4c6e0"},
            {"reference": "#inside"},
            {"reference": "Organization/o1"},
        ],
    },
    {"resourceType": "Patient", "id": "b", "active": True},
]  # fmt: skip


def written(path: Path, resources: Iterable[dict[str, Any]]) -> Files:
    """Return a source of one file for each type."""
    for resource in resources:
        with (path / f"{resource['resourceType']}.000.ndjson").open("a") as file:
            file.write(json.dumps(resource) + "\n")
    return folder(path)


def view(*paths: str, **more: Any) -> dict[str, Any]:
    columns = [{"name": f"c{n}", "path": path} for n, path in enumerate(paths)]
    return {"resource": "Patient", "select": [{"column": columns}], **more}


def rows(definition: dict[str, Any], source: Source) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        found = run(compile_view(definition), connection, source)
        return sorted((tuple(r.values()) for r in found), key=repr)


def values(tmp_path: Path, *paths: str) -> tuple[Any, ...]:
    """Return what paths come to for the first patient."""
    return rows(view(*paths), written(tmp_path, PATIENTS[:1]))[0]


@requirement("sql-on-fhir:unsupported")
@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("birthDate.lowBoundary()", "function lowBoundary() is not supported"),
        ("name.all(use = 'x')", "function all() is not supported"),
        ("name.resolve()", "function resolve() is not supported"),
        ("gender in ('a' | 'b')", "operator | is not supported"),
        ("'a' in name.given", "operator in is not supported"),
        ("gender ~ 'a'", "operator ~ is not supported"),
        ("1 div 2", "operator div is not supported"),
        ("deceased is boolean", "operator is is not supported"),
        ("gendr", "Patient has no element 'gendr'"),
        ("name.familly", "HumanName has no element 'familly'"),
        ("contained", "Patient.contained is not supported"),
        ("deceased", "column c0: Patient is not a primitive"),
        ("deceasedBoolean", "FHIRPath writes deceased.ofType(boolean)"),
        ("deceased.ofType(Quantity)", "ofType(Quantity)"),
        ("name", "HumanName is not a primitive"),
        ("%nobody", "%nobody is not defined"),
        ("%resource.id", "%resource is not defined"),
        ("name[-1].family", "an index that is no literal number"),
        ("name.where(family)", "is string, not boolean"),
        ("birthDate = '1970'", "date = string is not supported"),
        ("birthDate > @2020-01-01T10:00", "has no time zone"),
        ("gender + 1", "string + integer is not supported"),
        ("$index", "$index is not supported"),
        ("id id", "is no FHIRPath"),
        ("id.", "is no FHIRPath"),
        ("id # x", "is no FHIRPath"),
        ("4 'mg'", "QuantityLiteral is not supported"),
    ],
)
def test_what_a_path_may_not_hold_is_refused_by_name(path: str, named: str) -> None:
    with pytest.raises(ViewRefused, match=re.escape(named)):
        compile_view(view(path))


@requirement("sql-on-fhir:constants")
@pytest.mark.parametrize(
    ("definition", "named"),
    [
        ({}, "ViewDefinition.resource is missing"),
        ({"resource": "Patient"}, "ViewDefinition.select is missing"),
        (view("id") | {"resource": "os"}, "'os' is no resource type"),
        (view("id") | {"resource": "Spaceship"}, "'Spaceship' is not in FHIR R4"),
        (view("id") | {"resource": "HumanName"}, "is a data type"),
        (view("id") | {"join": []}, "ViewDefinition.join is not supported"),
        (view("id", where=[{"path": "name.family"}]), "is string, not boolean"),
        (view("id") | {"select": [{"foreach": "name"}]}, "select.foreach is not supported"),
        (view("id") | {"select": [{"forEach": "name", "repeat": ["link"], "column": []}]}, "one only"),
        (view("id") | {"select": [{"column": [{"name": "a b", "path": "id"}]}]}, "'a b' is no SQL name"),
        (view("id") | {"select": [{"column": [{"name": "a", "path": "id", "type": "Coding"}]}]}, "no FHIR primitive"),
        (view("id") | {"select": [{"column": [{"name": "a", "path": "id", "type": "integer"}]}]}, "type integer, but"),
        (view("id") | {"select": [{"column": [{"name": n, "path": "id"} for n in "aA"]}]}, "column A stands twice"),
        (view("id", constant=[{"name": "c", "valueCoding": {}}]), "valueCoding is not supported"),
        (view("id", constant=[{"name": "c", "valueInteger": True}]), "valueInteger is bool"),
    ],
)  # fmt: skip
def test_what_a_view_may_not_hold_is_refused_by_name(definition: Any, named: str) -> None:
    with pytest.raises(ViewRefused, match=re.escape(named)):
        compile_view(definition)


def test_columns_tell_their_name_type_and_whether_they_are_lists() -> None:
    compiled = compile_view(
        {
            "resource": "Observation",
            "select": [
                {
                    "column": [
                        {"name": "n", "path": "value.ofType(Quantity).value"},
                        {"name": "k", "path": "category.coding.code", "collection": True, "type": "code"},
                        {"name": "t", "path": "effective.ofType(dateTime)"},
                        {"name": "x", "path": "{}"},
                    ]
                }
            ],
        }
    )  # fmt: skip
    assert [(c.name, c.type, c.kind, c.collection) for c in compiled.columns] == [
        ("n", "decimal", "decimal", False),
        ("k", "code", "text", True),
        ("t", "dateTime", "dateTime", False),
        ("x", "nothing", "text", False),
    ]
    assert compiled.resource == "Observation"


@requirement("sql-on-fhir:keys")
def test_a_reference_gives_its_key_whether_relative_absolute_or_versioned(tmp_path: Path) -> None:
    definition = view("generalPractitioner.getReferenceKey(Practitioner).first()")
    every = {"name": "c1", "path": "generalPractitioner.getReferenceKey()", "collection": True}
    definition["select"][0]["column"].append(every)
    source = written(tmp_path, PATIENTS)
    assert rows(definition, source) == [("p1", ["p1", "o1"]), (None, [])]


def test_partial_dates_decide_only_as_far_as_they_are_known(tmp_path: Path) -> None:
    assert values(
        tmp_path, "birthDate > @1970-04-30", "birthDate > @1970-05-01", "birthDate = @1970-05", "birthDate != @1971",
        "birthDate >= @1970-05",
    ) == (True, None, True, True, True)  # fmt: skip


def test_moments_compare_across_time_zones(tmp_path: Path) -> None:
    at = "deceased.ofType(dateTime)"
    assert values(
        tmp_path, f"{at} = @2019-12-31T22:30:00Z", f"{at} < @2019-12-31T22:30:01Z", f"{at} > @2019-12-31",
        f"{at} = @2020-01-01", "@T10:00:00.50 = @T10:00:00.5",
    ) == (True, True, True, None, True)  # fmt: skip


def test_a_primitive_has_its_extensions_and_no_value_where_it_has_none(tmp_path: Path) -> None:
    assert values(
        tmp_path, "birthDate.extension('u').value.ofType(string).first()", "name.given.count()",
        "name.given.join('|')", "name.last().use", "deceased.exists()", "Patient.name.exists(use = 'old')",
    ) == ("about", 1, "Ada", "old", True, True)  # fmt: skip


def test_logic_has_three_values(tmp_path: Path) -> None:
    assert values(
        tmp_path, "(gender = 'x').not()", "gender = 'x' or true", "gender = 'x' and false", "1 / 0", "'a' & gender",
        "{} = 1", "-1 + 2.5", "name.where(use = 'none').family = 'x'",
    ) == (None, True, False, None, "a", None, 1.5, None)  # fmt: skip


@requirement("sql-on-fhir:constants")
def test_text_in_a_view_is_never_sql(tmp_path: Path) -> None:
    hostile = "'; DROP TABLE x; -- \\ \" {0}"
    definition = view("%c", constant=[{"name": "c", "valueString": hostile}])
    assert rows(definition, written(tmp_path, PATIENTS[:1])) == [(hostile,)]


@requirement("sql-on-fhir:for-each-or-null")
def test_a_for_each_or_null_that_finds_nothing_is_one_row_of_nothing(tmp_path: Path) -> None:
    """Whatever stands inside: a literal, a count, another loop, a union. `%rowIndex` is 0."""
    inside = [{"name": "l", "path": "'x'"}, {"name": "n", "path": "telecom.count()"}]
    loop = {
        "forEach": "telecom",
        "column": [{"name": "i", "path": "%rowIndex"}, {"name": "e", "path": "value.exists()"}],
    }
    branch = {"column": [{"name": "p", "path": "%rowIndex"}, {"name": "u", "path": "'u'"}]}
    select = {"forEachOrNull": "contact", "column": inside, "select": [loop], "unionAll": [branch]}
    outer = {"column": [{"name": "id", "path": "id"}]}
    definition = {"resource": "Patient", "select": [outer, select]}
    people: list[dict[str, Any]] = [
        {
            "resourceType": "Patient",
            "id": "a",
            "contact": [{"telecom": [{"value": "1"}, {"rank": 1}]}, {"gender": "male"}],
        },
        {"resourceType": "Patient", "id": "b"},
    ]
    wanted: list[tuple[Any, ...]] = [
        ("a", "x", 2, 0, True, 0, "u"),
        ("a", "x", 2, 1, False, 0, "u"),
        ("b", None, None, 0, None, 0, None),
    ]
    source = written(tmp_path, people)
    assert rows(definition, source) == wanted
    # The same made as a list of rows, inside a union.
    assert (
        rows({"resource": "Patient", "select": [outer, {"unionAll": [select]}]}, source) == wanted
    )


@requirement("sql-on-fhir:collection")
def test_two_names_in_a_column_for_one_stop_the_view(tmp_path: Path) -> None:
    twice = [{"resourceType": "Patient", "name": [{"family": "Secret"}, {"family": "Other"}]}]
    with pytest.raises(ViewStopped, match=r"column c0.*has more than one item") as stopped:
        rows(view("name.family"), written(tmp_path, twice))
    assert "Secret" not in str(stopped.value)


def test_data_that_is_not_fhir_stops_the_view_and_is_not_quoted(tmp_path: Path) -> None:
    source = written(tmp_path, [{"resourceType": "Patient", "name": "Secret"}])
    with pytest.raises(ViewStopped, match=r"another JSON type than in FHIR R4, in file .*Patient") as stopped:  # fmt: skip
        rows(view("name.family.first()"), source)
    assert "Secret" not in str(stopped.value)


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("name.family.first()", {"name": {"family": "Secret"}}),
        ("name.family.first()", {"name": [{"family": "a"}, "Secret"]}),
        ("name.given.first()", {"name": [{"given": "Secret"}]}),
        ("maritalStatus.coding.code.first()", {"maritalStatus": {"coding": [{}, ["Secret"]]}}),
        ("multipleBirth.ofType(integer)", {"multipleBirthInteger": "Secret"}),
        ("active", {"active": "Secret"}),
    ],
)
@pytest.mark.parametrize("mixed", [True, False])
def test_data_in_a_table_or_among_others_that_is_not_fhir_stops_the_view_too(
    path: str, wrong: dict[str, Any], mixed: bool, tmp_path: Path
) -> None:
    definition = compile_view(view(path))
    file = tmp_path / "any.ndjson"
    lines = [json.dumps({"resourceType": "Patient"} | one) for one in (wrong, {"active": None})]
    file.write_text("\n".join([*lines, '{"resourceType": "Group", "name": "x", "active": 1}']))
    with duckdb.connect() as connection:
        if not mixed:
            connection.execute("CREATE TABLE resource (resource_type VARCHAR, json JSON)")
            connection.executemany("INSERT INTO resource VALUES ('Patient', ?)", [[x] for x in lines])  # fmt: skip
        source: Source = Files(by_type={}, mixed=[file]) if mixed else Table()
        with pytest.raises(ViewStopped, match="another JSON type than in FHIR R4") as stopped:
            list(run(definition, connection, source))
    assert "Secret" not in str(stopped.value)


def test_a_repeat_that_goes_deeper_than_is_followed_stops_the_view(tmp_path: Path) -> None:
    def nested(levels: int) -> dict[str, Any]:
        found: dict[str, Any] = {"linkId": str(levels)}
        return found | ({"item": [nested(levels - 1)]} if levels > 1 else {})

    definition = {
        "resource": "QuestionnaireResponse",
        "select": [{"repeat": ["item", "answer.item"], "column": [{"name": "l", "path": "linkId"}]}],
    }  # fmt: skip
    for levels in (10, 11):
        (tmp_path / str(levels)).mkdir()
    answer = {"resourceType": "QuestionnaireResponse", "item": [nested(10)]}
    assert len(rows(definition, written(tmp_path / "10", [answer]))) == 10
    with pytest.raises(ViewStopped, match="repeat goes deeper than 10 levels"):
        rows(definition, written(tmp_path / "11", [answer | {"item": [nested(11)]}]))


@requirement("sql-on-fhir:repeat")
def test_an_item_read_as_text_for_repeat_can_be_read_for_itself_too(tmp_path: Path) -> None:
    answer = {
        "resourceType": "QuestionnaireResponse",
        "item": [{"linkId": "1", "item": [{"linkId": "1.1"}]}, {"linkId": "2"}],
    }
    definition = {
        "resource": "QuestionnaireResponse",
        "select": [
            {"column": [{"name": "n", "path": "item.count()"}]},
            {"repeat": ["item"], "column": [{"name": "l", "path": "linkId"}, {"name": "u", "path": "item.linkId.first()"}]},
        ],
    }  # fmt: skip
    expected = [(2, "1", "1.1"), (2, "1.1", None), (2, "2", None)]
    found = rows(definition, written(tmp_path, [answer]))
    assert found == expected


def test_a_table_of_json_gives_the_rows_that_files_give(tmp_path: Path) -> None:
    definition = view("id", "name.family.first()", "active", "birthDate")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE resource (resource_type VARCHAR, json VARCHAR)")
        others = [{"resourceType": "Group", "id": "c"}]
        pairs = [(r["resourceType"], json.dumps(r)) for r in [*PATIENTS, *others]]
        connection.executemany("INSERT INTO resource VALUES (?, ?)", pairs)
        compiled = compile_view(definition)
        in_table = [tuple(r.values()) for r in run(compiled, connection, Table())]
    from_files = rows(definition, written(tmp_path, PATIENTS))
    assert sorted(in_table) == from_files == [("a", "Ek", None, "1970-05"), ("b", None, True, None)]


def test_a_table_may_be_narrowed_to_patients_and_to_what_is_newer() -> None:
    compiled = compile_view(view("id"))
    with duckdb.connect() as connection:
        connection.execute("CREATE SCHEMA s; CREATE TABLE s.resource (resource_type VARCHAR, patient VARCHAR, last TIMESTAMPTZ, json VARCHAR)")  # fmt: skip
        for name, day in (("a", 1), ("b", 2), ("c", 3)):
            pair = json.dumps({"resourceType": "Patient", "id": name})
            connection.execute("INSERT INTO s.resource VALUES ('Patient', ?, ?, ?)", [name, f"2026-01-0{day}T00:00:00Z", pair])  # fmt: skip

        def ids(**narrowed: Any) -> list[str]:
            return sorted(r["c0"] for r in run(compiled, connection, Table(name="s.resource", **narrowed)))  # fmt: skip

        assert ids(only={"patient": ["a", "c", "'; --"]}) == ["a", "c"]
        assert ids(only={"patient": []}) == []
        assert ids(after={"last": "2026-01-02T00:00:00Z"}) == ["c"]


def test_a_column_keeps_its_description_and_its_tags() -> None:
    column = {"name": "a", "path": "id", "description": "d", "tag": [{"name": "n", "value": "v"}]}
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    definition = view("id") | {"select": [{"column": [column]}], "meta": {"security": [label]}}
    compiled = compile_view(definition)
    assert (compiled.columns[0].description, compiled.columns[0].tags) == ("d", (("n", "v"),))
    assert (compiled.restricted, compile_view(view("id")).restricted) == (True, False)
    with pytest.raises(ViewRefused, match="a tag has a name and a value"):
        compile_view(view("id") | {"select": [{"column": [column | {"tag": [{"name": "n"}]}]}]})


def test_no_file_of_a_type_is_no_row_and_another_type_in_its_file_none_either(tmp_path: Path) -> None:  # fmt: skip
    assert rows(view("id"), Files(by_type={})) == []
    file = tmp_path / "Patient.ndjson"
    file.write_text('{"resourceType":"Group","id":"g"}\n{"resourceType":"Patient","id":"p"}\n')
    assert rows(view("id"), folder(tmp_path)) == [("p",)]


def test_views_of_a_folder_are_named_after_their_files(tmp_path: Path) -> None:
    (tmp_path / "kin.json").write_text(json.dumps(view("id", name="kin")))
    assert list(load(tmp_path)) == ["kin"]
    (tmp_path / "odd.json").write_text(json.dumps(view("name.all()", name="odd")))
    with pytest.raises(ViewRefused, match=r"odd\.json: column c0: function all"):
        load(tmp_path)
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(ViewRefused, match=r"odd\.json"):
        load(tmp_path)


def test_nothing_joins_laterally() -> None:
    """In DuckDB a lateral join of an unnested list costs 35 times as much as the list unnested in the select list."""
    definition = view("id") | {
        "select": [
            {"forEachOrNull": "name", "select": [{"forEach": "given", "column": [{"name": "g", "path": "$this"}]}]},
            {"unionAll": [{"forEach": "telecom", "column": [{"name": "v", "path": "value"}]}]},
        ]
    }  # fmt: skip
    sql = compile_view(definition).sql(Files(by_type={}))
    assert sql.count("SELECT *, unnest(") == 3
    assert not re.search(r"\bJOIN\b|\bLATERAL\b|, *unnest\([^)]*\)[^,]*\bFROM\b.*\bON\b", sql, re.I)
