"""Pages that are sure to come are asked for at once, and only the EHR's own links say what belongs to a search."""

import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from zoneinfo import ZoneInfo

import pytest

from app.errors import EhrRefused
from app.fhir.asking import CONNECTIONS
from app.fhir.read_ahead import AHEAD, later_pages
from app.fhir.reader import LaunchChart
from app.fhir.sections import FIRST, SECTIONS
from app.fhir.source import Complete, Query, Read, Truncated
from app.fhir.stated import Stated
from tests.ndjson_source import context
from tests.unit.fhir.ehr import BASE, NOW, Answer, Ehr, bundle, observation, source

SIZE, PAGES = 100, 5
TOTAL = SIZE * (PAGES - 1) + 33
QUERY = Query(resource_type="Observation", params=(("_count", str(SIZE)),))
ADDRESS = f"{BASE}/Observation?patient=p1&_count={SIZE}"
# Long enough for any machine; nothing waits for it where pages are asked for at once.
PATIENCE_S = 30


def page(at: int, next_url: str, **more: Any) -> Answer:
    """Return page `at` of the search, counted from 0."""
    here = range(at * SIZE, min((at + 1) * SIZE, TOTAL))
    return 200, bundle(*(observation(f"o{n}") for n in here), next_url=next_url, **more)


def counted(wait: Callable[[int], object] = lambda _: None, total: int = TOTAL) -> Ehr:
    """Return an EHR whose next links count entries; `wait(page)` is called before it answers."""

    def answer(_: str, query: dict[str, str]) -> Answer:
        at = int(query.get("_offset", "0")) // SIZE
        wait(at)
        last = at + 1 >= PAGES
        return page(at, "" if last else f"{ADDRESS}&_offset={(at + 1) * SIZE}", total=total)

    return Ehr(answer)


def names(read: Read) -> list[str]:
    return [r["id"] for r in read.resources]


def test_a_section_of_five_pages_is_read_in_two_rounds() -> None:
    together, rounds = threading.Barrier(PAGES - 1), list[int]()

    def wait(at: int) -> None:
        # Each page but the first is answered when all of them were asked for: one after another none ever would be.
        if at == 0 or together.wait(PATIENCE_S) == 0:
            rounds.append(at)

    ehr = counted(wait)
    read = source(ehr).search(QUERY)
    assert (read.completeness, read.requests, len(rounds)) == (Complete(n=TOTAL), PAGES, 2)
    assert names(read) == [f"o{n}" for n in range(TOTAL)]


def test_a_first_page_is_gone_on_from_in_one_round() -> None:
    together = threading.Barrier(PAGES - 1)
    ehr = counted(lambda at: at and together.wait(PATIENCE_S))
    reader = source(ehr)
    first = reader.search(Query(resource_type="Observation", params=QUERY.params, pages=1))
    assert (len(ehr.asked), reader.more(first).completeness) == (1, Complete(n=TOTAL))


@pytest.mark.parametrize(
    ("next_url", "others"),
    [
        (f"{ADDRESS}&_offset=100", [f"{ADDRESS}&_offset={n}" for n in (200, 300)]),
        (f"{BASE}?_getpages=a1&_getpagesoffset=100&_count=100", [f"{BASE}?_getpages=a1&_getpagesoffset={n}&_count=100" for n in (200, 300)]),
        (f"{BASE}/Observation?page=2&patient=p1", [f"{BASE}/Observation?page={n}&patient=p1" for n in (3, 4)]),
        # A token, a count of something else, two that count, or one written twice: the next page is all that is known.
        (f"{BASE}/Observation?cursor=100", []),
        (f"{ADDRESS}&_offset=50", []),
        (f"{ADDRESS}&page=100", []),
        (f"{ADDRESS}&_offset=100&page=2", []),
        (f"{ADDRESS}&_offset=1%300", []),
        (f"{ADDRESS}&_offset=100&_offset=100", []),
        (f"{ADDRESS}&_offset=0100", []),
    ],
)  # fmt: skip
def test_only_a_link_that_counts_tells_later_pages(next_url: str, others: list[str]) -> None:
    assert later_pages(next_url, n=100, total=333, most=20_000) == [next_url, *others]
    assert later_pages(next_url, n=100, total=None, most=20_000) == [next_url]
    assert later_pages(next_url, n=100, total=100, most=20_000) == [next_url]
    # No more is asked for than is read at all, whatever the EHR says of its number.
    assert len(later_pages(next_url, n=100, total=999_999_999, most=400)) == (3 if others else 1)


def test_what_the_ehr_does_not_name_as_its_next_page_is_not_used() -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        if "_offset" not in query and "token" not in query:
            return page(0, f"{ADDRESS}&_offset=100", total=TOTAL)
        if query.get("_offset") == "100":
            return page(1, f"{BASE}/Observation?token=x", total=TOTAL)
        if "token" in query:
            return page(2, "", total=300)
        return 200, bundle(observation(f"wrong{query['_offset']}"), total=TOTAL)

    ehr = Ehr(answer)
    read = source(ehr).search(QUERY)
    assert names(read) == [f"o{n}" for n in range(300)]
    assert read.completeness == Truncated(n=300, total=TOTAL)
    assert read.requests == len(ehr.asked)
    assert len(ehr.asked) <= 3 + AHEAD


def test_a_total_that_is_far_too_high_costs_a_few_requests() -> None:
    ehr = counted(total=999_999_999)
    read = source(ehr).search(QUERY)
    assert read.completeness == Truncated(n=TOTAL, total=999_999_999)
    assert read.requests == len(ehr.asked) <= PAGES + AHEAD
    assert names(read) == [f"o{n}" for n in range(TOTAL)]


def test_a_total_that_is_too_low_ends_nothing() -> None:
    read = source(counted(total=150)).search(QUERY)
    assert read.completeness == Complete(n=TOTAL)


def test_a_page_that_fails_among_those_asked_for_is_told_with_what_came_before_it() -> None:
    def answer(_: str, query: dict[str, str]) -> Answer:
        at = int(query.get("_offset", "0")) // SIZE
        if at == 2:
            return 500, {}
        return page(at, f"{ADDRESS}&_offset={(at + 1) * SIZE}", total=TOTAL)

    read = source(Ehr(answer)).search(QUERY)
    assert repr(read.completeness) == "Failed(reason='the EHR answered 500', n=200, kind='failed')"
    assert names(read) == [f"o{n}" for n in range(200)]


# ---------------------------------------------------------------- whole charts


def chart_of(answer: Callable[[str, dict[str, str]], Answer]) -> tuple[LaunchChart, Ehr]:
    ehr = Ehr(answer)
    return LaunchChart(source(ehr), context("p1", NOW), NOW), ehr


def long_chart(path: str, query: dict[str, str]) -> Answer:
    """Answer with five pages of laboratory results and one of all else."""
    if path.startswith("Patient/"):
        return 200, {"resourceType": "Patient", "id": "p1"}
    if query.get("category") != "laboratory":
        return 200, bundle(total=0)
    at = int(query.get("_offset", "0")) // SIZE
    address = f"{BASE}/Observation?patient=p1&category=laboratory"
    last = at + 1 >= PAGES
    return page(at, "" if last else f"{address}&_offset={(at + 1) * SIZE}", total=TOTAL)


def test_no_section_waits_for_the_first_page_of_another() -> None:
    last = threading.Event()

    def answer(path: str, query: dict[str, str]) -> Answer:
        if query.get("_offset") == str((PAGES - 1) * SIZE) or path == "Consent":
            last.set()
        if path == "DocumentReference":
            assert last.wait(PATIENCE_S)
        return long_chart(path, query)

    chart, ehr = chart_of(answer)
    found = chart.ensure(*(s.name for s in SECTIONS))
    assert {state.kind for state in found.values()} == {"complete"}
    assert chart.requests == len(ehr.asked) == len(SECTIONS) + PAGES - 1


def test_one_launch_holds_six_connections_however_many_pages_are_sure_to_come() -> None:
    busy, most, lock = [0], [0], threading.Lock()

    def answer(path: str, query: dict[str, str]) -> Answer:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        threading.Event().wait(0.002)
        found = long_chart(path, query)
        with lock:
            busy[0] -= 1
        return found

    chart, _ = chart_of(answer)
    chart.ensure(*(s.name for s in SECTIONS))
    assert most[0] == CONNECTIONS


def test_of_a_chart_that_may_not_be_shown_nothing_is_read_beyond_the_first_pages() -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        return (403, {}) if path.startswith("Patient/") else long_chart(path, query)

    told: list[str] = []
    ehr = Ehr(answer)
    chart = LaunchChart(
        source(ehr), context("p1", NOW), NOW, lambda query, _: told.append(query.resource_type)
    )
    with pytest.raises(EhrRefused):
        chart.ensure(*(s.name for s in SECTIONS))
    assert len(ehr.asked) == len(told) == len(FIRST)
    assert not [query for _, query, _ in ehr.asked if "_offset" in query]


def test_what_a_record_states_is_worked_out_once_until_it_is_read_again() -> None:
    def answer(path: str, query: dict[str, str]) -> Answer:
        problem = {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p1"}, "code": {"text": "Gout"}}  # fmt: skip
        return (200, bundle(problem)) if path == "Condition" else long_chart(path, query)

    chart, _ = chart_of(answer)
    facts = chart.first_read().tables["P"][0].facts
    before = chart.chart.grids["L"].rows[0]
    chart.ensure("goals")
    after = chart.chart.grids["L"].rows[0]
    assert facts[0].value == "Gout"
    assert chart.chart.tables["P"][0].facts == facts
    values = [[v for cell in row.cells.values() for v in cell] for row in (before, after)]
    assert all(a is b for a, b in zip(*values, strict=True))
    again = chart.read_again().grids["L"].rows[0]
    assert not {id(v) for cell in again.cells.values() for v in cell} & {id(v) for v in values[0]}


def test_what_no_snapshot_asks_for_any_more_is_forgotten() -> None:
    made: list[str] = []

    def make(record: dict[str, Any]) -> str:
        made.append(record["id"])
        return "stated"

    stated, record = Stated(ZoneInfo("UTC")), observation()
    assert [stated.of(record, make) for _ in range(2)] == ["stated"] * 2
    stated.next_snapshot()
    stated.of(record, make)
    assert made == ["o1"]
    stated.next_snapshot()
    stated.next_snapshot()
    stated.of(record, make)
    assert made == ["o1", "o1"]


def test_an_address_differs_from_the_ehrs_own_by_one_number_only() -> None:
    sent = f"{BASE}/Observation?a=%2C&_offset=100&b=x,y"
    for url in later_pages(sent, n=100, total=500, most=20_000):
        own, other = dict(parse_qsl(urlsplit(sent).query)), dict(parse_qsl(urlsplit(url).query))
        assert own.pop("_offset") <= other.pop("_offset")
        assert (own, url.partition("?")[0]) == (other, sent.partition("?")[0])
