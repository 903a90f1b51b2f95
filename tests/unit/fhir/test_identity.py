from app.fhir.banner import banner
from app.fhir.tables import digest
from tests.unit.fhir.test_card import chart_of


def test_a_restricted_patient_is_named_to_the_clinician_and_to_no_model() -> None:
    launched = chart_of(
        patient={
            "name": [{"family": "Quill", "given": ["Ada"]}],
            "meta": {"security": [{"code": "VIP"}]},
        }
    )
    assert (banner(launched).family, banner(launched).born) == ("QUILL", "14-Mar-1958")
    assert "Quill" not in digest(launched)
    assert "name withheld" in digest(launched)
