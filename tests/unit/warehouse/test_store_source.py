"""The store answers for a launch only what the EHR would show this user now, and says up to when it was exported."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.fhir.labels import Labels
from app.fhir.source import Complete, Denied, Query, Read, Restricted
from app.warehouse.store.source import StoreSource
from tests.store_of import over_store, store_of
from tests.unit.fhir.ehr import Ehr, bundle, observation, outcome, source

LABS = Query(resource_type="Observation", params=(("category", "laboratory"), ("_sort", "-date"), ("_count", "5")))  # fmt: skip
VIA = "the store, data as of 20-Nov-2026 00:00"
CANARY = {"note": [{"text": "HIDDEN WORD"}]}
SECRET = {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}]}  # fmt: skip
Chart = list[dict[str, Any]]
PATIENT = {"resourceType": "Patient", "id": "p1"}


def results(count: int = 12, **last: Any) -> Chart:
    found = [observation(f"o{n:02}", effectiveDateTime=f"2026-11-{n + 1:02}", meta={"versionId": "1"}) for n in range(count)]  # fmt: skip
    return [*found[:-1], found[-1] | last]


class World:
    """An EHR that holds `live`, and a store of `stored`."""

    def __init__(self, folder: Path, live: Chart, stored: Chart, **more: Any) -> None:
        self.live = live
        self.answer: Callable[[str, Chart], Any] = lambda _, page: bundle(*page, total=len(self.live))  # fmt: skip
        self.status = 200
        self.ehr = Ehr(self._answer)
        launch = more.pop("launch", {})
        labels = more.pop("labels", Labels())
        store_of(folder, more.pop("patients", [PATIENT]) + stored, types=("Observation",), **more)
        self.source: StoreSource = over_store(folder, source(self.ehr, **launch), labels=labels, **launch)  # fmt: skip

    def _answer(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        if path == "Patient/p1":
            return 200, PATIENT | {"gender": "other"}
        start, count = int(query.get("_offset", "0")), int(query.get("_count", "5"))
        found = sorted(self.live, key=lambda r: str(r["effectiveDateTime"]), reverse=True)
        page = self.answer(path, found[start : start + count])
        if self.status == 200 and start + count < len(found):
            page["link"] = [{"relation": "next", "url": f"https://ehr.test/fhir/{path}?_offset={start + count}&_count={count}"}]  # fmt: skip
        return self.status, page

    def read(self, query: Query = LABS) -> Read:
        return self.source.more(self.source.search(replace(query, pages=1)))


def ids(read: Read) -> set[str]:
    return {r["id"] for r in read.resources}


def test_where_the_ehr_has_the_same_the_store_answers_and_says_its_date(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results())
    first = world.source.search(replace(LABS, pages=1))
    assert (len(first.resources), first.via, first.requests) == (5, VIA, 1)
    whole = world.source.more(first)
    assert (whole.completeness, whole.via, whole.requests) == (Complete(n=12), VIA, 2)
    # Twelve results, ten at a time: two looks at the newest ten, and nothing was read through.
    assert [q["_count"] for _, q, _ in world.ehr.asked] == ["10", "10"]


def test_who_the_patient_is_is_always_the_ehrs_own(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results())
    assert world.source.read_patient().resources[0]["gender"] == "other"


@pytest.mark.parametrize(
    ("live", "stored"),
    [
        (results(13), results(12)),
        (results(12), results(13)),
        (results(12, meta={"versionId": "2"}), results(12, **CANARY)),
        ([*results(12)[:-1], observation("new", effectiveDateTime="2026-11-19")], results(12, **CANARY)),
        (results(12), results(12, meta=SECRET, **CANARY)),
        (results(12), [*results(12, encounter={"reference": "Encounter/e1"}, **CANARY), {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}, "meta": SECRET}]),
    ],
    ids=["more", "fewer", "changed", "others", "labelled", "in a labelled encounter"],
)  # fmt: skip
def test_what_is_in_doubt_is_read_from_the_ehr(tmp_path: Path, live: Chart, stored: Chart) -> None:
    read = World(tmp_path, live, stored).read()
    assert (ids(read), read.via) == ({r["id"] for r in live}, "")
    assert "HIDDEN" not in str(read.resources)


def test_a_label_that_only_the_site_names_counts_as_well(tmp_path: Path) -> None:
    label = {"security": [{"system": "urn:site", "code": "X"}]}
    labels = Labels(audiences={("urn:site", "X"): frozenset(("user",))})
    stored = results(12, meta=label, **CANARY)
    assert World(tmp_path, results(), stored, labels=labels).read().via == ""


def test_without_a_total_nothing_is_known_and_the_ehr_is_read(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results(12, **CANARY))
    world.answer = lambda _, page: bundle(*page)
    read = world.read()
    assert (read.completeness, read.via) == (Complete(n=12), "")


def test_what_the_ehr_refuses_the_store_refuses(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results())
    world.status = 403
    read = world.source.search(LABS)
    assert (read.completeness, read.resources) == (Denied(scope="patient/Observation.rs", http_status=403), ())  # fmt: skip
    assert read.requests == 1


def test_what_the_ehr_holds_back_the_store_holds_back(tmp_path: Path) -> None:
    world = World(tmp_path, results(3), results(3, **CANARY))
    said = outcome("warning", "suppressed", text="more is withheld")
    world.answer = lambda _, page: bundle(*page, said, total=3)
    read = world.read()
    assert read.completeness == Restricted(why="more is withheld", n=3)
    assert (read.via, "HIDDEN" in str(read.resources)) == ("", False)


def test_a_store_of_another_ehr_is_not_looked_into(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results(12, **CANARY), base="https://other.test/fhir")
    assert world.read().via == ""


def test_a_type_that_was_not_exported_whole_is_read_from_the_ehr(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results(), incomplete={"Observation": "a file is missing"})
    assert (ids(world.read()), world.read().via) == ({r["id"] for r in results()}, "")


def test_a_patient_whom_the_store_does_not_hold_costs_no_request_more(tmp_path: Path) -> None:
    world = World(tmp_path, results(3), [], patients=[{"resourceType": "Patient", "id": "p2"}])
    assert (len(world.source.search(LABS).resources), len(world.ehr.asked)) == (3, 1)


def test_a_right_that_ends_between_two_pages_ends_the_reading(tmp_path: Path) -> None:
    world = World(tmp_path, results(), results())
    first = world.source.search(replace(LABS, pages=1))
    world.status = 403
    assert isinstance(world.source.more(first).completeness, Denied)


def test_medicines_and_people_come_from_the_store_without_a_request(tmp_path: Path) -> None:
    shared = [{"resourceType": "Medication", "id": "m", "code": {"text": "Aspirin"}}]
    world = World(tmp_path, results(), [*results(), *shared])
    read = world.source.fetch("Medication/m")
    assert (ids(read), read.via, world.ehr.asked) == ({"m"}, VIA, [])
    world.source.fetch("Medication/unknown")
    world.source.fetch("Binary/b")
    assert [path for path, _, _ in world.ehr.asked] == ["Medication/unknown", "Binary/b"]
