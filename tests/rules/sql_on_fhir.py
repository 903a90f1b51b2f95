"""SQL on FHIR v2. Flat tables over exports."""

from tests.rules.rule import Page, Rule

VIEW = "https://sql-on-fhir.org/ig/latest/StructureDefinition-ViewDefinition.html"
ALGORITHM = f"{VIEW}#processing-algorithm"

PAGE = Page(
    title="SQL on FHIR v2",
    says="ViewDefinitions compiled to SQL.",
    rules={
        "sql-on-fhir:collection": Rule(
            source=VIEW,
            text="A column with more than one value and without `collection` is an error.",
        ),
        "sql-on-fhir:for-each-or-null": Rule(
            source=ALGORITHM,
            text="`forEachOrNull` over nothing is one row of null, with 0 for `%rowIndex`.",
        ),
        "sql-on-fhir:repeat": Rule(
            source=ALGORITHM,
            text="`repeat` follows its paths at every level, in the order of the data.",
        ),
        "sql-on-fhir:keys": Rule(
            source=VIEW,
            text="`getReferenceKey` of a reference equals `getResourceKey` of what it points to.",
        ),
        "sql-on-fhir:constants": Rule(
            source=VIEW,
            text="A constant has one primitive value; one that is not defined is an error.",
        ),
        "sql-on-fhir:unsupported": Rule(
            source=VIEW,
            text="What is not supported is refused before a query runs, with its name.",
        ),
    },
)
