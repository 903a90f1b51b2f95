"""How `make bench NAME=mcp` judges other servers: by what stands in what they return, and without one nothing is made up."""

import json
import tomllib
from pathlib import Path

import pytest

from bench import mcp_peers
from bench.mcp_peers import PEERS, SCRIPTS, Told, disclosed, following, lacking, searches, strangers
from bench.options import ASKED
from tests.evals.clinician import Question, questions, records
from tests.peers import NotInstalled
from tests.stack import make_stack


def asked(number: int) -> Question:
    return next(q for q in questions() if q.number == number)


def returned(question: Question, *without: str) -> Told:
    """Return what a server would that returns every needed record, but for some, as one Bundle."""
    raw = records(question.chart).by_reference
    wanted = dict.fromkeys(n.reference for n in question.needed if n.reference not in without)
    entries = [{"resource": raw[reference]} for reference in wanted]
    return Told(texts=[json.dumps({"resourceType": "Bundle", "entry": entries})])


@pytest.mark.parametrize("number", [1, 6, 23, 25, 53])
def test_every_fact_of_a_returned_record_counts_and_none_of_one_that_is_not(number: int) -> None:
    question = asked(number)
    assert lacking(question, returned(question)) == ""
    for needed in question.needed:
        assert lacking(question, returned(question, needed.reference)).startswith(needed.reference)


def test_a_note_in_base64_counts_and_is_told_apart() -> None:
    question = asked(11)
    assert lacking(question, returned(question)) == ""
    assert lacking(question, returned(question), decoded=False) != ""


def test_a_label_has_to_be_told_and_what_it_restricts_is_counted() -> None:
    question = asked(45)
    (note,) = [r for r in records(question.chart).every if r.get("meta", {}).get("security")]
    assert lacking(question, Told()) == "DocumentReference/ad-note-alone with its label"
    assert lacking(question, Told(texts=[json.dumps([note])])) == ""
    assert (disclosed(question.chart, Told()), disclosed(question.chart, Told(texts=[json.dumps(note)]))) == (0, 1)  # fmt: skip


def test_another_patients_record_is_seen_in_any_wrapping() -> None:
    record = {
        "resourceType": "AllergyIntolerance",
        "id": "a",
        "patient": {"reference": "Patient/other"},
    }
    assert strangers(Told(texts=[json.dumps({"entry": [record]})])) == {"other"}
    assert strangers(Told(texts=["Error: 403", '{"severity": "error"}'])) == set()


def test_next_pages_are_asked_for_as_each_server_takes_it() -> None:
    page = json.dumps({"link": [{"relation": "next", "url": "http://x/fhir/Observation?patient=p&_offset=20"}]})  # fmt: skip
    assert [following(peer, "Observation", [page]) for peer in PEERS] == [
        ("search", {"type": "Observation", "searchParam": {"patient": "p", "_offset": "20"}}),
        ("fhir_search_next", {"next_url": "http://x/fhir/Observation?patient=p&_offset=20"}),
    ]
    assert following(PEERS[0], "Observation", ['{"link": []}', "Error"]) is None


def test_every_question_has_a_script_that_names_the_patient() -> None:
    scripts = tomllib.loads(SCRIPTS.read_text("utf-8"))
    assert set(scripts) == {str(number) for number in ASKED}
    for script in scripts.values():
        assert all("p9" in f"{where} {params}" for where, params in searches(script, "p9"))


def test_a_server_that_cannot_be_installed_has_figures_without_a_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere(_: str) -> Path:
        raise NotInstalled("no matching distribution")

    monkeypatch.setattr(mcp_peers, "installed", nowhere)
    said = mcp_peers.compared(PEERS[0], make_stack(tmp_path))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said == "fhir-mcp-server 0.10.0 could not be installed: no matching distribution"
    assert [(one["value"], one["met"], one["against"]) for one in lines] == [(None, None, said)] * 3
