"""The live source against hostile, strict and slow servers: what is dropped, refused, counted and said."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import SessionEnded
from app.fhir.answers import MOST_RESOURCES
from app.fhir.source import Complete, Denied, Failed, Query, Restricted, Truncated
from app.launch_context import Grant
from tests.requirements import requirement
from tests.unit.fhir.ehr import BASE, Ehr, bundle, observation, outcome, source

LABS = Query(
    resource_type="Observation",
    params=(("category", "laboratory"), ("_sort", "-date"), ("_count", "2")),
)


def only(*answers: Any) -> Ehr:
    """Answer with these bundles in turn."""
    left = list(answers)
    return Ehr(lambda *_: (200, left.pop(0) if len(left) > 1 else left[0]))


def test_the_patient_and_the_parameters_are_added_by_code() -> None:
    ehr = only(bundle(observation()))
    read = source(ehr).search(LABS)
    assert (read.completeness, len(read.resources)) == (Complete(n=1), 1)
    assert ehr.asked == [
        (
            "Observation",
            {"patient": "p1", "category": "laboratory", "_sort": "-date", "_count": "2"},
            "Bearer secret",
        )
    ]


@requirement("attack-44")
@pytest.mark.parametrize(
    "name",
    [
        "patient",
        "subject",
        "_include",
        "_revinclude",
        "_has:Observation:patient:code",
        "subject:Patient.name",
        "_id",
    ],
)
def test_a_parameter_that_could_leave_the_compartment_is_refused(name: str) -> None:
    ehr = only(bundle())
    read = source(ehr).search(Query(resource_type="Observation", params=((name, "p2"),)))
    assert isinstance(read.completeness, Failed)
    assert ehr.asked == []


@requirement("attack-44")
def test_a_value_cannot_smuggle_a_second_parameter() -> None:
    ehr = only(bundle())
    read = source(ehr).search(
        Query(resource_type="Observation", params=(("code", "x&patient=p2"),))
    )
    assert (isinstance(read.completeness, Failed), ehr.asked) == (True, [])


@requirement("chartside:patient:compartment", "attack-45")
def test_entries_of_another_patient_are_dropped_counted_and_never_complete() -> None:
    strange = [
        observation("a", "p2"),
        observation("b", subject={"reference": "https://evil.test/fhir/Patient/p1"}),
        observation("c", subject={"reference": "Group/p1"}),
        observation("d", subject={"identifier": {"value": "p1"}}),
        {k: v for k, v in observation("e").items() if k != "subject"},
        observation("f", subject={"reference": "Patient/p1/../p2"}),
    ]
    read = source(only(bundle(observation("ok"), *strange))).search(LABS)
    assert [r["id"] for r in read.resources] == ["ok"]
    assert (read.dropped_foreign, isinstance(read.completeness, Failed)) == (6, True)


def test_an_absolute_reference_to_our_own_base_is_ours() -> None:
    read = source(only(bundle(observation(subject={"reference": f"{BASE}/Patient/p1"})))).search(
        LABS
    )
    assert read.completeness == Complete(n=1)


@requirement("fhir:search:paging", "attack-41")
@pytest.mark.parametrize(
    "link",
    [
        "https://evil.test/fhir/Observation?page=2", "http://ehr.test/fhir/Observation?page=2",
        "https://ehr.test/other/Observation?page=2", "https://ehr.test:444/fhir/Observation?page=2",
        "//evil.test/fhir?page=2", "https://ehr.test/fhir/../admin", "javascript:alert(1)",
        "https://ehr.test@evil.test/fhir/x",
    ],
)  # fmt: skip
def test_a_next_link_outside_our_base_is_not_followed(link: str) -> None:
    ehr = only(bundle(observation(), next_url=link))
    read = source(ehr).search(LABS)
    assert isinstance(read.completeness, Failed)
    assert (len(ehr.asked), len(read.resources)) == (1, 1)


@requirement("fhir:search:paging")
def test_pages_are_followed_relative_or_absolute_and_duplicates_removed() -> None:
    ehr = only(
        bundle(observation("a"), observation("b"), next_url=f"{BASE}?_getpages=1", total=99),
        bundle(observation("b"), observation("c"), next_url="Observation?page=3"),
        bundle(observation("d")),
    )
    read = source(ehr).search(LABS)
    assert [r["id"] for r in read.resources] == ["a", "b", "c", "d"]
    assert (read.completeness, read.total, read.requests) == (Truncated(n=4, total=99), 99, 3)


@requirement("fhir:search:paging", "attack-41")
def test_a_loop_of_pages_ends_as_failed() -> None:
    ehr = only(bundle(observation(), next_url=f"{BASE}/Observation?page=2"))
    read = source(ehr).search(LABS)
    assert isinstance(read.completeness, Failed)
    assert len(ehr.asked) == 2


@requirement("attack-41")
def test_endless_pages_end_at_the_bound() -> None:
    count = iter(range(10_000))

    def page(*_: Any) -> tuple[int, Any]:
        n = next(count)
        return 200, bundle(observation(f"o{n}"), next_url=f"{BASE}/Observation?page={n}")

    ehr = Ehr(page)
    read = source(ehr).search(LABS)
    assert (read.completeness, len(ehr.asked)) == (Truncated(n=60, total=None), 60)


def test_one_page_is_truncated_and_more_goes_on() -> None:
    ehr = only(
        bundle(observation("a"), next_url=f"{BASE}/Observation?page=2", total=2),
        bundle(observation("b")),
    )
    live = source(ehr)
    first = live.search(Query(resource_type="Observation", params=LABS.params, pages=1))
    assert first.completeness == Truncated(n=1, total=2)
    whole = live.more(first)
    assert (whole.completeness, [r["id"] for r in whole.resources], whole.requests) == (
        Complete(n=2),
        ["a", "b"],
        2,
    )


@requirement("fhir:search:outcome")
@pytest.mark.parametrize("number", ["59204", "4130", "4131", "4134"])
def test_an_outcome_entry_in_a_searchset_restricts_it(number: str) -> None:
    found = bundle(observation())
    found["entry"].append(
        {"resource": outcome("warning", "processing", number), "search": {"mode": "outcome"}}
    )
    read = source(only(found)).search(LABS)
    assert isinstance(read.completeness, Restricted)
    assert (read.completeness.n, len(read.resources)) == (1, 1)


def test_a_restriction_of_the_first_page_is_not_forgotten_at_the_end() -> None:
    first = bundle(
        observation("a"), outcome("warning", "suppressed"), next_url=f"{BASE}/Observation?page=2"
    )
    read = source(only(first, bundle(observation("b")))).search(LABS)
    assert (isinstance(read.completeness, Restricted), len(read.resources)) == (True, 2)


def test_an_outcome_that_only_says_no_results_is_no_gap() -> None:
    read = source(only(bundle(outcome("warning", "processing", "4101")))).search(LABS)
    assert read.completeness == Complete(n=0)


def test_an_outcome_that_stops_the_search_is_failed() -> None:
    ehr = only(outcome("error", "processing", "4135"))
    assert isinstance(source(ehr).search(LABS).completeness, Failed)


@requirement("fhir:search:outcome")
def test_what_the_ehr_says_of_every_record_is_a_remark_and_no_gap() -> None:
    remark = outcome("warning", "suppressed", "4119")
    read = source(only(bundle(observation(), remark))).search(LABS)
    assert (read.completeness, read.restrictions) == (Complete(n=1), ())
    assert read.remarks == ("the EHR says that this may not be the entire record",)
    both = source(only(bundle(observation(), remark, outcome("warning", "suppressed", "59204"))))
    assert isinstance(both.search(LABS).completeness, Restricted)


def paged(*, expired: int, status: int = 400) -> Ehr:
    """Hold three results on two pages; the first `expired` requests for the second page are too late."""
    late = [True] * expired

    def answer(_path: str, query: dict[str, str]) -> tuple[int, Any]:
        if "page" not in query:
            next_url = f"{BASE}/Observation?page=2&session={len(late)}"
            first = (observation("a"), observation("b"))
            return 200, bundle(*first, next_url=next_url, total=3)
        if late:
            late.pop()
            return status, outcome("fatal", "processing", "4113")
        return 200, bundle(observation("c"))

    return Ehr(answer)


@pytest.mark.parametrize("status", [200, 400, 404, 410])
def test_a_search_whose_pages_expired_is_started_again_once(status: int) -> None:
    ehr = paged(expired=1, status=status)
    first = source(ehr).search(Query(resource_type="Observation", params=LABS.params, pages=1))
    whole = source(ehr).more(first)
    assert (whole.completeness, len(ehr.asked)) == (Complete(n=3), 4)
    cut = source(paged(expired=9, status=status)).search(LABS)
    assert (cut.completeness, cut.next_token, cut.requests) == (Truncated(n=2, total=3), "", 4)


@pytest.mark.parametrize(
    ("status", "code"), [(403, "4131"), (403, "4130"), (400, "4134"), (200, "4131")]
)
def test_what_stands_behind_the_glass_is_restricted_not_a_missing_scope(
    status: int, code: str
) -> None:
    live = source(Ehr(lambda *_: (status, outcome("fatal", "suppressed", code))))
    words = "the EHR restricts part of this chart (break the glass)"
    assert live.search(LABS).completeness == Restricted(why=words, n=0)
    assert live.read_patient().completeness == Restricted(why=words, n=0)


@requirement("attack-48")
@pytest.mark.parametrize(
    "body", [b'{"resourceType":"Bundle","entry":[', b"<html>down</html>", b"[]", b"", b"null"]
)
def test_a_cut_or_wrong_answer_is_failed_never_empty(body: bytes) -> None:
    assert isinstance(source(Ehr(lambda *_: (200, body))).search(LABS).completeness, Failed)


def test_strange_entries_are_counted_as_unreadable() -> None:
    found = bundle(observation())
    found["entry"] += [
        {},
        {"resource": 3},
        "x",
        {"resource": observation("../x")},
        {"resource": {"resourceType": "Basic", "id": "1"}},
    ]
    read = source(only(found)).search(LABS)
    assert (read.unreadable, isinstance(read.completeness, Failed), len(read.resources)) == (
        5,
        True,
        1,
    )


def test_403_names_the_scope() -> None:
    read = source(Ehr(lambda *_: (403, {}))).search(LABS)
    assert read.completeness == Denied(scope="patient/Observation.rs", http_status=403)


def test_what_was_not_granted_is_not_asked() -> None:
    ehr = only(bundle())
    grants = (Grant(level="patient", resource_type="Patient", verbs=frozenset("r")),)
    read = source(ehr, grants=grants).search(LABS)
    assert read.completeness == Denied(scope="patient/Observation.rs", http_status=0)
    assert (ehr.asked, read.requests) == ([], 0)


def test_429_waits_once_if_it_is_short_and_fails_if_it_is_long() -> None:
    waits: list[float] = []
    busy = Ehr(lambda *_: (429, {}), **{"Retry-After": "2"})
    assert source(busy, waits=waits).search(LABS).completeness == Failed(
        reason="the EHR is busy (429)"
    )
    assert (waits, len(busy.asked)) == ([2.0], 2)
    long = Ehr(lambda *_: (429, {}), **{"Retry-After": "3"})
    assert isinstance(source(long, waits=waits).search(LABS).completeness, Failed)
    assert (waits, len(long.asked)) == ([2.0], 1)


@pytest.mark.parametrize("status", [404, 400, 500, 503])
def test_other_statuses_are_failed(status: int) -> None:
    assert isinstance(source(Ehr(lambda *_: (status, {}))).search(LABS).completeness, Failed)


def test_401_asks_again_with_a_newer_token_only() -> None:
    ehr = Ehr(lambda *_: (401, {}))
    assert source(ehr).search(LABS).completeness == Denied(
        scope="patient/Observation.rs", http_status=401
    )
    assert len(ehr.asked) == 1
    tokens = iter(["old", "new", "new"])
    again = Ehr(lambda *_: (401, {}))
    source(again, token=lambda: next(tokens)).search(LABS)
    assert [sent for *_, sent in again.asked] == ["Bearer old", "Bearer new"]


def test_a_dead_token_ends_the_session() -> None:
    def gone() -> str:
        raise SessionEnded("gone")

    with pytest.raises(SessionEnded):
        source(only(bundle()), token=gone).search(LABS)


@requirement("attack-44")
def test_the_patient_is_read_by_id_and_another_one_is_refused() -> None:
    ehr = Ehr(lambda *_: (200, {"resourceType": "Patient", "id": "p1"}))
    assert source(ehr).read_patient().completeness == Complete(n=1)
    other = source(Ehr(lambda *_: (200, {"resourceType": "Patient", "id": "p2"}))).read_patient()
    assert (other.resources, isinstance(other.completeness, Failed)) == ((), True)


@requirement("attack-47")
def test_an_id_that_is_not_a_fhir_id_is_never_sent() -> None:
    ehr = only(bundle())
    for bad in ("../p2", "p1?x=1", "p1/_history", "", "p1%2f"):
        live = source(ehr, patient_id=bad)
        assert isinstance(live.read_patient().completeness, Failed)
        assert isinstance(live.search(LABS).completeness, Failed)
    assert ehr.asked == []


def test_a_merged_record_is_told() -> None:
    read = source(Ehr(lambda *_: (404, outcome("error", "processing", "4107")))).read_patient()
    assert (read.merged, isinstance(read.completeness, Failed)) == (True, True)


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (outcome("fatal", "processing", "4107"), ""),
        (outcome("fatal", "processing", "4107"), "https://elsewhere.test/Patient/p2"),
        (b"", f"{BASE}/Patient/p2"),
        (b"<html>", "Patient/p2"),
    ],
)
def test_a_patient_that_the_ehr_moved_to_another_is_merged_and_not_followed(
    body: Any, location: str
) -> None:
    ehr = Ehr(lambda *_: (302, body), Location=location)
    assert (source(ehr).read_patient().merged, len(ehr.asked)) == (True, 1)


@requirement("attack-43")
@pytest.mark.parametrize(
    "location", ["", f"{BASE}/Patient/p1", "https://elsewhere.test/fhir/Patient/p2", "http://["]
)
def test_any_other_redirect_is_refused(location: str) -> None:
    read = source(Ehr(lambda *_: (302, b""), Location=location)).read_patient()
    assert (read.merged, isinstance(read.completeness, Failed)) == (False, True)


@requirement("smart:fhir:foreign-reference", "attack-42")
def test_only_references_of_a_few_types_are_fetched() -> None:
    ehr = Ehr(lambda *_: (200, {"resourceType": "Binary", "id": "b1", "data": "aGk="}))
    live = source(ehr)
    assert live.fetch("Binary/b1").completeness == Complete(n=1)
    for bad in (
        "Patient/p2",
        "https://evil.test/Binary/b1",
        "Binary/../b1",
        "file:///etc/passwd",
        "Observation/o1",
    ):
        assert isinstance(live.fetch(bad).completeness, Failed)
    assert len(ehr.asked) == 1


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), max_size=6), min_size=1, max_size=8), st.booleans())
def test_whatever_the_pages_hold_each_record_is_counted_once(
    pages: list[list[int]], restricted: bool
) -> None:
    """Pages may repeat records, be empty or end early: the result is the set of ids, or it says that it is not whole."""
    last = len(pages) - 1

    def page(_: str, query: dict[str, str]) -> tuple[int, Any]:
        at = int(query.get("page", "0"))
        found = bundle(
            *(observation(f"o{n}") for n in pages[at]),
            next_url=f"{BASE}/Observation?page={at + 1}" if at < last else "",
        )
        if restricted and at == last:
            found["entry"].append({"resource": outcome("warning", "suppressed")})
        return 200, found

    read = source(Ehr(page)).search(LABS)
    ids = [r["id"] for r in read.resources]
    assert len(ids) == len(set(ids))
    whole = {f"o{n}" for p in pages for n in p}
    if isinstance(read.completeness, Complete):
        assert (set(ids), restricted) == (whole, False)
    assert set(ids) <= whole
    json.dumps(ids)


# ---------------------------------------------------------------- other people inside a record


def with_contained(*contained: Any) -> dict[str, Any]:
    return observation("o1", contained=list(contained))


OTHERS: list[Any] = [
    {"resourceType": "Patient", "id": "x", "name": [{"family": "Other"}]},
    {"resourceType": "RelatedPerson", "id": "x"},
    {"resourceType": "Group", "id": "x", "member": [{"entity": {"reference": "Patient/p2"}}]},
    {"resourceType": "Observation", "id": "x", "subject": {"reference": "Patient/p2"}},
    {"resourceType": "Observation", "id": "x", "subject": {"reference": "https://evil.test/fhir/Patient/p1"}},
    {"resourceType": "Observation", "id": "x", "subject": {"display": "Another"}},
    {"resourceType": "Observation", "id": "x", "subject": {"reference": "#y"}},
    {"resourceType": "AllergyIntolerance", "id": "x", "patient": {"reference": "Patient/p2"}},
    {"resourceType": "Coverage", "id": "x", "beneficiary": {"reference": "Patient/p2"}},
    {"resourceType": "Provenance", "id": "x", "target": [{"reference": "RelatedPerson/r2"}]},
    {"resourceType": "Bundle", "id": "x", "entry": [{"resource": {"resourceType": "Patient", "id": "p2"}}]},
    "Patient/p2",
]  # fmt: skip


@requirement("chartside:patient:compartment")
@pytest.mark.parametrize("other", OTHERS)
def test_another_person_inside_a_record_is_taken_out_and_counted(other: Any) -> None:
    medicine = {"resourceType": "Medication", "id": "m", "code": {"text": "aspirin"}}
    read = source(only(bundle(with_contained(medicine, other), observation("o2")))).search(LABS)
    assert [r.get("contained") for r in read.resources] == [[medicine], None]
    assert read.completeness == Restricted(
        why="1 record holds another person's data, not shown here", n=2
    )
    assert read.stripped == 1


def test_what_is_inside_a_record_and_this_patients_or_nobodys_stays() -> None:
    inside: list[dict[str, Any]] = [
        {"resourceType": "Practitioner", "id": "a"},
        {"resourceType": "Specimen", "id": "b", "subject": {"reference": "Patient/p1"}},
        {"resourceType": "Observation", "id": "c", "subject": {"reference": f"{BASE}/Patient/p1"}},
    ]
    read = source(only(bundle(with_contained(*inside)))).search(LABS)
    inside[2]["subject"] = {"reference": "Patient/p1"}
    assert (read.completeness, read.resources[0]["contained"]) == (Complete(n=1), inside)


def test_other_people_inside_are_counted_over_all_pages_and_in_single_reads() -> None:
    other = {"resourceType": "Patient", "id": "x"}
    first = bundle(observation("a", contained=[other]), next_url=f"{BASE}/Observation?page=2")
    second = bundle(observation("a", contained=[other]), observation("b", contained=other))
    live = source(only(first, second))
    start = live.search(Query(resource_type="Observation", params=LABS.params, pages=1))
    whole = live.more(start)
    assert (whole.stripped, [r.get("contained") for r in whole.resources]) == (2, [None, None])
    assert whole.completeness == Restricted(
        why="2 records hold another person's data, not shown here", n=2
    )
    one = Ehr(lambda *_: (200, {"resourceType": "Patient", "id": "p1", "contained": [other]}))
    assert "contained" not in source(one).read_patient().resources[0]


# ---------------------------------------------------------------- what a Bundle says of itself


@requirement("fhir:search:paging")
def test_a_total_above_what_was_sent_is_no_complete_read() -> None:
    read = source(only(bundle(observation(), total=500))).search(LABS)
    assert read.completeness == Truncated(n=1, total=500)


@pytest.mark.parametrize("total", [0, 1, -5, True, "many", 2.5])
def test_a_total_that_says_no_more_or_nothing_is_ignored(total: Any) -> None:
    first = bundle(observation("a"), total=total, next_url=f"{BASE}/Observation?page=2")
    live = source(only(first, bundle(observation("b"))))
    start = live.search(Query(resource_type="Observation", params=LABS.params, pages=1))
    assert start.completeness == Truncated(n=1, total=None)
    assert live.more(start).completeness == Complete(n=2)


@requirement("fhir:search:outcome")
@pytest.mark.parametrize(
    "words",
    [
        "Some results were withheld", "Sensitive results have been filtered", "3 entries not returned",
        "Results were not all returned due to security rules", "Documents redacted by consent",
    ],
)  # fmt: skip
def test_an_information_that_results_were_held_back_restricts(words: str) -> None:
    said = outcome("information", "informational", text=words)
    read = source(only(bundle(observation(), said))).search(LABS)
    assert read.completeness == Restricted(why=words, n=1)
    only_diagnosed = {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "information", "code": "informational", "diagnostics": words}],
    }
    read = source(only(bundle(observation(), only_diagnosed))).search(LABS)
    assert read.completeness == Restricted(why="the EHR says that more exists than it shows", n=1)


def test_an_ordinary_information_restricts_nothing() -> None:
    said = outcome("information", "informational", text="Search took 12 ms")
    assert source(only(bundle(observation(), said))).search(LABS).completeness == Complete(n=1)


def test_one_page_beyond_the_bound_is_cut_and_says_so() -> None:
    many = bundle(
        *(observation(f"o{n}") for n in range(MOST_RESOURCES + 7)),
        next_url=f"{BASE}/Observation?page=2",
    )
    ehr = only(many)
    live = source(ehr)
    read = live.search(LABS)
    assert read.completeness == Truncated(n=MOST_RESOURCES, total=MOST_RESOURCES + 7)
    assert (len(live.more(read).resources), len(ehr.asked)) == (MOST_RESOURCES, 1)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([observation("a", "p2")], "1 entry of another patient was refused"),
        ([observation("a", "p2"), observation("b", "p2")], "2 entries of another patient were refused"),
        ([observation("../x")], "1 entry could not be read"),
        ([observation("../x"), observation("")], "2 entries could not be read"),
    ],
)  # fmt: skip
def test_refused_and_unreadable_entries_are_counted_in_good_english(
    found: list[dict[str, Any]], reason: str
) -> None:
    assert source(only(bundle(*found))).search(LABS).completeness == Failed(reason=reason)


@requirement("fhir:search:paging")
@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({"total": "45"}, Truncated(n=20, total=45)),
        ({"total": 45.0}, Truncated(n=20, total=45)),
        ({}, Truncated(n=20, total=None)),
        ({"total": 20}, Complete(n=20)),
    ],
)
def test_a_full_page_alone_is_whole_only_if_the_ehr_counts_no_more(sent: Any, says: Any) -> None:
    page = bundle(*(observation(f"o{n}") for n in range(20)), **sent)
    assert source(only(page)).search(LABS).completeness == says


@requirement("fhir:search:paging")
@pytest.mark.parametrize("link", [{"relation": "next"}, {"relation": "next", "url": 5}])
def test_a_next_page_without_an_address_is_failed(link: Any) -> None:
    read = source(only({**bundle(observation()), "link": [link]})).search(LABS)
    assert (isinstance(read.completeness, Failed), len(read.resources)) == (True, 1)


def test_a_next_link_in_capitals_is_followed() -> None:
    first = bundle(observation("a"))
    first["link"] = [{"relation": "Next", "url": f"{BASE}/Observation?page=2"}]
    assert source(only(first, bundle(observation("b")))).search(LABS).completeness == Complete(n=2)


@pytest.mark.parametrize("severity", ["information", "success"])
def test_an_outcome_instead_of_a_bundle_is_never_an_empty_section(severity: str) -> None:
    read = source(only(outcome(severity, "informational", text="ok"))).search(LABS)
    assert isinstance(read.completeness, Failed)


@pytest.mark.parametrize("status", [201, 202, 204, 206])
def test_a_success_that_is_no_answer_to_a_search_is_failed(status: int) -> None:
    read = source(Ehr(lambda *_: (status, bundle()))).search(LABS)
    assert read.completeness == Failed(reason=f"the EHR answered {status}")


def test_a_record_that_changed_between_pages_is_its_newer_version() -> None:
    versions = [
        observation("a", status=status, meta={"lastUpdated": f"2026-11-19T0{hour}:00:00Z"})
        for status, hour in (("preliminary", 1), ("final", 2))
    ]
    for first, second in (versions, reversed(versions)):
        ehr = only(
            bundle(first, next_url=f"{BASE}/Observation?page=2"), bundle(second, observation("b"))
        )
        read = source(ehr).search(LABS)
        assert read.completeness == Complete(n=2)
        assert [r["status"] for r in read.resources] == ["final", "final"]


def test_of_one_record_with_two_contents_neither_is_believed() -> None:
    twin = observation("a", valueQuantity={"value": 9.9, "unit": "mmol/L"})
    read = source(only(bundle(observation("a"), twin, observation("a"), observation("b")))).search(
        LABS
    )
    assert read.completeness == Failed(reason="1 entry could not be read", n=1)
    assert [r["id"] for r in read.resources] == ["b"]


@pytest.mark.parametrize("before", ["", f"{BASE}/"])
@pytest.mark.parametrize("after", ["", "/_history/7"])
def test_references_to_this_ehr_are_told_in_one_form(before: str, after: str) -> None:
    sent = observation(basedOn=[{"reference": f"{before}ServiceRequest/s1{after}"}])
    other = {"reference": "https://elsewhere.test/fhir/ServiceRequest/s1"}
    read = source(only(bundle(sent, observation("o2", basedOn=[other])))).search(LABS)
    assert [r["basedOn"] for r in read.resources] == [[{"reference": "ServiceRequest/s1"}], [other]]
