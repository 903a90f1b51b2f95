"""Many requests at once over HTTP semantics, as the copilot's first screen sends them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2

from tests.unit.sandbox.parties import ALBA, BRUNO, LABS, make_ehr, write_chart


def test_parallel_reads_get_complete_answers_of_their_own_patient(tmp_path: Path) -> None:
    for patient in (ALBA, BRUNO):
        write_chart(tmp_path / patient, patient)
    ehr = make_ehr(tmp_path)
    tokens = {
        patient: ehr.tokens(launch=ehr.state.start(patient))["access_token"]
        for patient in (ALBA, BRUNO)
    }
    transport = httpx2.WSGITransport(app=ehr.client.application)

    def total(patient: str) -> tuple[str, int, set[str]]:
        with httpx2.Client(transport=transport, base_url="http://ehr.localhost:9000") as client:
            response = client.get(
                "/fhir/Observation",
                params={"patient": patient, "category": "laboratory", "_count": "100"},
                headers={"Authorization": f"Bearer {tokens[patient]}"},
            )
        bundle = response.json()
        owners = {entry["resource"]["subject"]["reference"] for entry in bundle["entry"]}
        return patient, bundle["total"], owners

    asked = [ALBA, BRUNO] * 20
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(total, asked))
    assert answers == [(patient, LABS, {f"Patient/{patient}"}) for patient in asked]
    counted = [entry for entry in ehr.state.wire.entries("/fhir/") if entry.bearer]
    assert len(counted) == len(asked)
    ehr.state.data_plane.close()
