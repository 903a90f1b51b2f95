"""A group's exports when patients join and leave it between them."""

import duckdb
import pytest

from app.smart.registration import Bulk
from app.warehouse.bulk.landing import Export
from app.warehouse.store.snapshot import FILE, apply, current
from tests.interaction.warehouse.conftest import TYPES, Exporter

GROUP = "everyone"


@pytest.fixture
def panel(exporter: Exporter) -> Exporter:
    """An exporter whose group has four of the seven patients, exported whole and then five minutes older."""
    exporter.population.group(GROUP, ["p1", "p2", "p3", "p4"])
    exporter.trap(polls=0)
    exporter.run(group=GROUP)
    assert patients_held(exporter) == {f"p{n}": 6 for n in (1, 2, 3, 4)}
    exporter.later(minutes=5)
    return exporter


def patients_held(exporter: Exporter) -> dict[str, int]:
    """Return how many records of each patient the store has when the exports are taken over."""
    data_set = exporter.sync(GROUP).data_set
    apply(data_set, exporter.stack.clock())
    found = current(data_set.path)
    assert found is not None
    with duckdb.connect(str(found[0] / FILE), read_only=True) as db:
        return dict(db.execute("SELECT patient, count(*) FROM resource GROUP BY 1").fetchall())


def again(exporter: Exporter) -> list[Export]:
    exporter.later(minutes=5)
    return exporter.run(group=GROUP)


def test_who_joined_comes_with_older_records_and_who_left_goes(panel: Exporter) -> None:
    panel.population.group(GROUP, ["p2", "p3", "p4", "p5"])
    landed = again(panel)
    assert [(one.request.types, one.whole, one.request.patients) for one in landed] == [
        (("Patient",), True, ()),
        (("Condition", "Observation"), False, ("p5",)),
        (("Condition", "Observation"), False, ()),
    ]
    assert "1 of the group's 4 patients lack older records, which are asked for\n" in panel.said
    assert patients_held(panel) == {f"p{n}": 6 for n in (2, 3, 4, 5)}
    assert len(again(panel)) == 2


def test_an_unchanged_group_costs_its_patients_and_nothing_more(panel: Exporter) -> None:
    at = panel.later(minutes=1)
    panel.population.put({"resourceType": "Condition", "id": "c1-0", "language": "new", "subject": {"reference": "Patient/p1"}}, at)  # fmt: skip
    landed = again(panel)
    assert [len(panel.records(one, GROUP)) for one in landed] == [4, 1]
    assert all(panel.sync(GROUP).data_set.watermarks(TYPES).values())


def test_where_patients_cannot_be_named_all_is_asked_for_again(panel: Exporter) -> None:
    panel.population.group(GROUP, ["p2", "p3", "p4", "p5"])
    panel.trap(polls=0, no_patients=True)
    last = again(panel)[-1]
    assert (last.whole, last.request.types) == (True, TYPES)
    assert any("it may not export named patients, so all is asked for again" in one for one in panel.said)  # fmt: skip
    assert patients_held(panel) == {f"p{n}": 6 for n in (2, 3, 4, 5)}


def test_a_group_of_which_most_are_new_is_asked_for_whole(panel: Exporter) -> None:
    panel.population.group(GROUP, ["p0", "p4", "p5", "p6"])
    assert again(panel)[-1].whole
    assert patients_held(panel) == {f"p{n}": 6 for n in (0, 4, 5, 6)}


def test_older_records_that_did_not_come_are_asked_for_until_they_do(panel: Exporter) -> None:
    panel.population.group(GROUP, ["p1", "p2", "p3", "p4", "p5"])
    panel.trap(polls=0, failing_types=("Condition",))
    again(panel)
    panel.trap(polls=0)
    caught_up = again(panel)[1]
    assert (caught_up.request.patients, caught_up.request.types) == (("p5",), ("Condition",))
    assert patients_held(panel) == {f"p{n}": 6 for n in (1, 2, 3, 4, 5)}


def test_a_type_that_came_whole_by_itself_is_not_asked_for_again(exporter: Exporter) -> None:
    exporter.trap(polls=0, failing_types=("Condition",))
    exporter.run(group=GROUP)
    exporter.trap(polls=0)
    asked = [(one.request.types, one.whole) for one in again(exporter)]
    assert asked == [(("Patient",), True), (("Condition",), True), (("Observation",), False)]
    assert not again(exporter)[1].whole
    assert patients_held(exporter) == {f"p{n}": 6 for n in range(7)}


def test_who_left_and_came_back_is_read_whole_again(panel: Exporter) -> None:
    panel.population.group(GROUP, ["p2", "p3", "p4"])
    again(panel)
    assert patients_held(panel) == {f"p{n}": 6 for n in (2, 3, 4)}
    panel.population.group(GROUP, ["p1", "p2", "p3", "p4"])
    again(panel)
    assert patients_held(panel) == {f"p{n}": 6 for n in (1, 2, 3, 4)}


def test_a_group_that_suddenly_has_nobody_loses_nobody(panel: Exporter) -> None:
    panel.population.group(GROUP, [])
    assert again(panel)[0].incomplete == {"Patient": "none came, 4 came before"}
    assert patients_held(panel) == {f"p{n}": 6 for n in (1, 2, 3, 4)}


def test_a_group_whose_patients_are_not_exported_says_what_is_not_seen(exporter: Exporter) -> None:
    exporter.bulk = Bulk(types=("Condition",), groups=(GROUP,))
    exporter.trap(polls=0)
    exporter.run(group=GROUP)
    assert len(again(exporter)) == 1
    assert any("who joined or left is found by the next whole export" in one for one in exporter.said)  # fmt: skip
