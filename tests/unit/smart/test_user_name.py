"""The signed-in user's name: what the EHR does not tell is no name, and an ended session is said."""

from typing import Any

import httpx2
import pytest

from app.boundary import Boundary
from app.errors import SessionEnded
from app.launch_context import Grant
from app.smart.user_name import user_name
from tests.ndjson_source import context
from tests.unit.fhir.ehr import NOW, Answer, Ehr

OWN = context(
    "p1", NOW, user_reference="Practitioner/1",
    grants=(Grant(level="user", resource_type="Practitioner", verbs=frozenset("r")),),
)  # fmt: skip
NAMED = {"resourceType": "Practitioner", "name": [{"given": ["Ama"], "family": "Osei"}]}


def asked(answer: Answer | None, bearer: Any = lambda: "t") -> tuple[str, list[tuple[str, int]]]:
    """Return the name and the reads that were told; None: an EHR that the boundary does not let out to."""
    read: list[tuple[str, int]] = []
    hosts = frozenset(("https://ehr.test",)) if answer else frozenset[str]()
    ehr = httpx2.WSGITransport(app=Ehr(lambda *_: answer or (200, {})))
    name = user_name(OWN, Boundary(hosts, False, ehr), bearer, lambda *told: read.append(told))
    return name, read


def test_a_name_that_is_not_told_is_empty_and_every_answer_counts_as_read() -> None:
    assert asked((200, NAMED)) == ("A. Osei", [("Practitioner", 200)])
    assert asked((403, {})) == ("", [("Practitioner", 403)])
    assert asked(None) == ("", [])


def test_a_session_that_has_ended_is_said() -> None:
    def ended() -> str:
        raise SessionEnded("gone")

    with pytest.raises(SessionEnded):
        asked((200, NAMED), ended)
