"""Who may open Chartside by role: each kind of user, and every answer that tells no role."""

from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.boundary import Boundary
from app.launch_context import Grant
from app.smart.admission import Admission, Admitted
from app.smart.errors import RoleRefused, RoleUnread
from app.smart.id_token import User
from app.smart.registration import Registration
from tests.unit.fhir.ehr import Answer, Ehr
from tests.unit.smart.test_registry import GOOD
from tests.unit.smart.test_sheet import registration

ISS = "https://ehr.test/fhir"
GRANTS = tuple(
    Grant(level="user", resource_type=kind, verbs=frozenset("rs"))
    for kind in ("Practitioner", "PractitionerRole", "Person")
)
NURSE = {"coding": [{"system": "urn:roles", "code": "nurse"}]}
ROLES = '[users]\nroles = [{ system = "urn:roles", code = "nurse" }]\n'


def admit(
    found: Registration, reference: str, *answers: tuple[str, Answer], roles: tuple[str, ...] = ()
) -> tuple[Admitted, list[str]]:
    """Return what a user may do, and what the EHR was asked for."""
    known = dict(answers)
    ehr = Ehr(lambda path, _: known.get(path, (404, {})))
    out = Boundary(frozenset(("https://ehr.test",)), False, httpx2.WSGITransport(app=ehr))
    user = User(reference=reference, subject="s", name="", roles=roles)
    admitted = Admission(lambda _: out).admit(found, ISS, user, "t", GRANTS)
    return admitted, [path for path, _, _ in ehr.asked]


@pytest.fixture
def nurses(tmp_path: Path) -> Registration:
    asked = GOOD.replace('"patient/Patient.r"', '"patient/Patient.r", "user/PractitionerRole.rs"')
    return registration(tmp_path, asked + ROLES)


def test_a_practitioner_role_is_read_itself(nurses: Registration) -> None:
    role: dict[str, Any] = {"resourceType": "PractitionerRole", "code": [NURSE]}
    opened = admit(nurses, "PractitionerRole/7", ("PractitionerRole/7", (200, role)))
    assert opened == (Admitted(roles=("urn:roles|nurse",)), ["PractitionerRole/7"])


def test_a_person_has_no_role_that_could_be_read(nurses: Registration) -> None:
    with pytest.raises(RoleUnread):
        admit(nurses, "Person/1")


@pytest.mark.parametrize(
    "answer",
    [(200, b"<html>"), (200, b"[]"), (500, {}), (302, {})],
)
def test_an_answer_that_is_no_resource_is_a_role_unread(
    nurses: Registration, answer: Answer
) -> None:
    with pytest.raises(RoleUnread):
        admit(nurses, "PractitionerRole/7", ("PractitionerRole/7", answer))


def test_codes_of_another_form_are_no_codes(nurses: Registration) -> None:
    role = {"resourceType": "PractitionerRole", "code": [{"coding": ["nurse", 7, NURSE]}, "nurse"]}
    with pytest.raises(RoleRefused):
        admit(nurses, "PractitionerRole/7", ("PractitionerRole/7", (200, role)))


def test_roles_of_the_id_token_alone_ask_the_ehr_nothing(tmp_path: Path) -> None:
    table = '[users]\nrole_claim = "groups"\nroles = [{ system = "groups", code = "icu" }]\n'
    found = registration(tmp_path, GOOD + table)
    assert admit(found, "Practitioner/1", roles=("icu",)) == (Admitted(roles=("groups|icu",)), [])
    with pytest.raises(RoleRefused):
        admit(found, "Practitioner/1")
