"""A chart by the EHR's MCP server: whatever the server does, what is read is this patient's, and how far is said."""

import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from app.fhir.shared_ehr import SharedEhr
from app.fhir.source import Complete, Denied, Failed, NotOffered, Query, Restricted, Truncated
from app.mcp.calls import Wanted, answer, arguments
from app.mcp.client import Told
from app.mcp.pins import Listed, listed
from app.mcp.way_out import is_answered
from app.smart.ehr_mcp import McpTool
from sandbox.mcp.switches import POISON
from tests.mcp_ehr import MCP, Asked, by_mcp, registered_tools
from tests.requirements import requirement
from tests.unit.fhir.ehr import Answer, Ehr, bundle, observation, outcome

LABS = Query(resource_type="Observation", params=(("category", "laboratory"), ("_count", "4")))
LABS_TOOL = "the tool get_labs of the EHR's MCP server"
SHAPES = ("generic", "search", "typed")
FOUND = [observation(f"o{n}", effectiveDateTime=f"2026-11-1{n}") for n in range(3)]


def ehr(status: int = 200, body: Any = None) -> Ehr:
    def answer(path: str, _: dict[str, str]) -> Answer:
        if path.startswith("Patient/"):
            return 200, {"resourceType": "Patient", "id": "p1"}
        return status, body or bundle(*FOUND, total=len(FOUND))

    return Ehr(answer)


@pytest.fixture(params=SHAPES)
def asked(request: pytest.FixtureRequest) -> Iterator[Asked]:
    with by_mcp(ehr(), request.param) as opened:
        yield opened


@pytest.fixture
def typed() -> Iterator[Asked]:
    with by_mcp(ehr(), "typed") as opened:
        yield opened


def hosts(asked: Asked) -> set[str]:
    return {url.host for url in asked.transport.asked}


def test_what_was_asked_is_named_and_read_to_its_end(asked: Asked) -> None:
    read = asked.source.search(LABS)
    assert (read.completeness, read.via) == (Complete(n=3), "the EHR's MCP server")
    assert (
        read.requests == len(asked.transport.asked) - 1 == 2
    )  # beside the greeting: the list, the call
    assert asked.transport.asked_of_fhir() == []


@requirement("chartside:mcp:guard")
def test_another_patients_record_is_dropped_and_counted(asked: Asked) -> None:
    asked.switches.wrong_patient = True
    read = asked.source.search(LABS)
    assert [r["id"] for r in read.resources] == ["o0", "o1", "o2"]
    assert read.completeness == Failed(reason="1 entry of another patient was refused", n=3)
    assert read.dropped_foreign == 1


@requirement("chartside:mcp:guard")
def test_another_patient_in_place_of_ours_is_no_chart() -> None:
    other = Ehr(lambda *_: (200, {"resourceType": "Patient", "id": "p2"}))
    with by_mcp(other, "typed") as asked:
        read = asked.source.read_patient()
    assert (read.resources, read.dropped_foreign) == ((), 1)
    assert isinstance(read.completeness, Failed)


@requirement("chartside:mcp:guard")
def test_arguments_name_this_patient_and_nothing_else(asked: Asked) -> None:
    asked.source.search(LABS)
    ((_, given),) = asked.calls
    assert "p1" in str(given)
    assert "p2" not in str(given)


@pytest.mark.parametrize("shape", ["generic", "search"])
def test_a_next_link_elsewhere_is_not_followed(shape: str) -> None:
    with by_mcp(ehr(), shape) as asked:
        asked.switches.foreign_next = True
        read = asked.source.search(LABS)
        assert read.completeness == Failed(
            reason="the EHR pointed to an address that is not registered", n=3
        )
        assert hosts(asked) == {"mcp.ehr.localhost"}


def test_a_cut_answer_is_truncated_with_its_total(asked: Asked) -> None:
    asked.switches.cut = 2
    assert asked.source.search(LABS).completeness == Truncated(n=2, total=3)


def test_more_without_a_way_to_it_is_no_end() -> None:
    tool = replace_adapter(registered_tools("generic")["fhir-request"])
    with by_mcp(ehr(body={"resources": FOUND, "truncated": True}), "generic", tools=tool) as asked:
        state = asked.source.search(LABS).completeness
    assert state == Failed(reason="the EHR has more pages and gives no address of them", n=3)


def replace_adapter(tool: McpTool) -> dict[str, McpTool]:
    return {
        "fhir-request": McpTool(
            sha256=tool.sha256, adapter="resources", resource_type="Observation",
            categories=("laboratory",), arguments={"patient": "path"},
        )
    }  # fmt: skip


@requirement("chartside:mcp:failures")
@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("something broke", Failed(reason=f"{LABS_TOOL} says that it went wrong")),
        ("403: not granted", Denied(scope="patient/Observation.rs", http_status=403)),
        ("HTTP 429 slow down", Failed(reason="the EHR is busy (429)")),
        ("503", Failed(reason="the EHR answered 503")),
    ],
)  # fmt: skip
def test_a_tools_error_is_never_an_empty_answer(typed: Asked, said: str, state: Any) -> None:
    typed.switches.errors["get_labs"] = said
    read = typed.source.search(LABS)
    assert (read.completeness, read.resources) == (state, ())


@requirement("chartside:mcp:failures")
@pytest.mark.parametrize("shape", ["generic", "search"])
def test_a_refusal_of_the_fhir_server_comes_through(shape: str) -> None:
    with by_mcp(ehr(403, outcome("error", "forbidden")), shape) as asked:
        state = asked.source.search(LABS).completeness
    assert state == Denied(scope="patient/Observation.rs", http_status=403)


@requirement("chartside:mcp:failures")
def test_words_in_place_of_records_are_not_read_as_none(typed: Asked) -> None:
    typed.switches.as_text = ["get_labs"]
    read = typed.source.search(LABS)
    assert read.completeness == Failed(reason=f"{LABS_TOOL} answered in words, not in records")


@requirement("chartside:mcp:token")
def test_a_redirect_is_not_followed(asked: Asked) -> None:
    asked.switches.redirect = "https://collector.example/mcp"
    assert isinstance(asked.source.search(LABS).completeness, Failed)
    asked.switches.redirect = f"{MCP}/mcp/typed?token="
    assert isinstance(asked.source.search(LABS).completeness, Failed)
    assert hosts(asked) == {"mcp.ehr.localhost"}
    assert {url.path for url in asked.transport.asked} == {urlpath(asked)}


def urlpath(asked: Asked) -> str:
    return asked.transport.asked[0].path


@requirement("chartside:mcp:token")
@pytest.mark.parametrize(
    ("mode", "sent"),
    [
        ("smart_token", {"authorization": "Bearer secret"}),
        (
            "sharp",
            {
                "x-fhir-server-url": "https://ehr.test/fhir", "x-fhir-access-token": "secret",
                "x-patient-id": "p1",
            },
        ),
        ("none", {}),
    ],
)  # fmt: skip
def test_the_token_goes_only_as_the_registration_says(mode: str, sent: dict[str, str]) -> None:
    with by_mcp(ehr(), "typed", mode=mode) as asked:
        read = asked.source.search(LABS)
        for request in asked.transport.sent:
            found = {k: v for k, v in request.headers.items() if k.startswith(("auth", "x-"))}
            assert found == sent
            assert "secret" not in str(request.url) + request.content.decode()
    wants = Failed(reason="the EHR's MCP server wants a token, and is sent none")
    assert read.completeness == (wants if mode == "none" else Complete(n=3))


@requirement("chartside:mcp:pinned")
def test_a_tool_that_changed_is_not_called_and_named(asked: Asked) -> None:
    name = {"generic": "fhir-request", "search": "search", "typed": "get_labs"}[asked.shape]
    asked.switches.descriptions[name] = POISON
    state = asked.source.search(LABS).completeness
    server = "the EHR's MCP server"
    assert state == Failed(
        reason=f"the tool {name} of {server} changed since IT approved it; IT must look at it"
    )
    assert asked.calls == []


@requirement("chartside:mcp:pinned")
def test_a_tool_that_is_gone_or_was_never_approved_is_not_called(typed: Asked) -> None:
    typed.switches.unlisted = ["get_labs"]
    gone = typed.source.search(LABS).completeness
    assert gone == Failed(reason="the EHR's MCP server has no tool get_labs any more")
    with by_mcp(ehr(), "typed", tools={}) as asked:
        assert asked.source.search(LABS).completeness == NotOffered(resource_type="Observation")
        assert (asked.calls, asked.transport.asked) == ([], [])


@requirement("chartside:mcp:read-only")
def test_a_tool_that_may_change_something_is_never_called_even_if_approved() -> None:
    said = {
        "create_note": "may change something, so it is never called",
        "refill": "does not say that it only reads, so it is not called",
    }
    for name, why in said.items():
        tool = McpTool(sha256="0" * 64, adapter="resources", resource_type="Observation")
        with by_mcp(ehr(), "typed", tools={name: tool}) as asked:
            asked.switches.writers = True
            definitions = asked.client.list_tools({})
            approved = McpTool(
                sha256=listed(definitions)[name].sha256, adapter="resources",
                resource_type="Observation",
            )  # fmt: skip
        with by_mcp(ehr(), "typed", tools={name: approved}) as asked:
            asked.switches.writers = True
            state = asked.source.search(Query(resource_type="Observation")).completeness
            assert isinstance(state, Failed)
            assert state.reason.endswith(why)
            assert asked.calls == []


@requirement("chartside:mcp:pinned")
def test_the_hash_covers_what_is_read_of_a_tool_and_not_its_order() -> None:
    plain = {
        "name": "a", "description": "b", "inputSchema": {"type": "object", "properties": {}},
        "annotations": {"readOnlyHint": True},
    }  # fmt: skip
    known = Listed(name="a", definition=plain).sha256
    again = dict(reversed(plain.items()))
    assert Listed(name="a", definition=again).sha256 == known
    changes: list[dict[str, Any]] = [
        {"name": "A"}, {"description": "b "}, {"title": "x"}, {"outputSchema": {"type": "object"}},
        {"inputSchema": {"type": "object", "properties": {"x": {}}}},
        {"annotations": {"readOnlyHint": True, "destructiveHint": True}},
    ]  # fmt: skip
    assert len({Listed(name="a", definition=plain | c).sha256 for c in changes} - {known}) == 6


def test_a_tool_of_one_type_is_not_asked_for_what_it_cannot_narrow_down(typed: Asked) -> None:
    query = replace(LABS, params=(*LABS.params, ("date", "ge2026-01-01")))
    state = typed.source.search(query).completeness
    said = "the tool get_labs of the EHR's MCP server cannot search by date"
    assert (state, typed.calls) == (Failed(reason=said), [])


def test_categories_that_no_tool_has_are_not_offered(typed: Asked) -> None:
    query = replace(LABS, params=(("category", "survey,exam"),))
    read = typed.source.search(query)
    assert (read.completeness, read.requests) == (NotOffered(resource_type="Observation"), 0)


def test_a_tool_of_more_categories_is_narrowed_down_here() -> None:
    vital = observation("v", category=[{"coding": [{"code": "vital-signs"}]}])
    tools = registered_tools("typed")
    both = McpTool(
        sha256=tools["get_labs"].sha256, adapter="resources", resource_type="Observation",
        categories=("laboratory", "vital-signs"),
    )  # fmt: skip
    with by_mcp(ehr(body=bundle(*FOUND, vital)), "typed", tools={"get_labs": both}) as asked:
        read = asked.source.search(LABS)
    assert ([r["id"] for r in read.resources], read.completeness.kind) == (
        ["o0", "o1", "o2"], "complete",
    )  # fmt: skip


@requirement("chartside:mcp:statement")
def test_what_a_tool_says_in_words_is_a_document_under_the_servers_name(typed: Asked) -> None:
    goals = typed.source.search(Query(resource_type="Goal"))
    assert goals.completeness == Failed(
        reason="the EHR's MCP server gives these in words only; they stand among the notes"
    )
    tools = {
        n: t for n, t in registered_tools("typed").items() if n in ("get_documents", "get_goals")
    }
    with by_mcp(Ehr(documents), "typed", tools=tools) as asked:
        read = asked.source.search(Query(resource_type="DocumentReference"))
        (said,) = read.resources
        assert said["type"]["text"] == "Statement of the EHR's MCP server (get_goals), not a record"
        assert read.completeness == Complete(n=1)
    with by_mcp(Ehr(documents), "typed", tools={"get_goals": tools["get_goals"]}) as asked:
        read = asked.source.search(Query(resource_type="DocumentReference"))
    assert isinstance(read.completeness, Restricted)
    with by_mcp(Ehr(documents), "typed", tools=tools) as asked:
        asked.switches.errors["get_goals"] = "no"
        read = asked.source.search(Query(resource_type="DocumentReference"))
    assert isinstance(read.completeness, Failed)


def documents(path: str, _: dict[str, str]) -> Answer:
    goal = {"resourceType": "Goal", "id": "g", "description": {"text": "Walk"}}
    return 200, bundle(goal) if path == "Goal" else bundle(total=0)


def test_a_network_that_fails_and_an_answer_too_large_are_said(typed: Asked) -> None:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("late", request=request)

    typed.transport.instead = fail
    state = typed.source.search(LABS).completeness
    assert state == Failed(reason="the EHR did not answer (no answer in time)")


def test_a_refused_token_is_asked_again_once_with_a_newer_one() -> None:
    tokens, told = ["old", "new"], list[str]()

    def refused(token: str) -> None:
        told.append(token)
        tokens.remove(token)

    with by_mcp(ehr(), "typed", token=lambda: tokens[0], refused=refused) as asked:
        asked.switches.errors["get_labs"] = "401: the token has ended"
        asked.switches.errors_end_after = 1
        assert asked.source.search(LABS).completeness == Complete(n=3)
    assert told == ["old"]


def test_requests_are_counted_against_the_launch(typed: Asked) -> None:
    few = SharedEhr(typed.boundary, requests=2, reads_statement=False)
    with by_mcp(ehr(), "typed", limits=few) as asked:
        assert asked.source.search(LABS).completeness.kind == "complete"
        state = asked.source.search(LABS).completeness
    assert state == Failed(reason="this site's limit of 2 requests for one launch is reached")


def test_a_stream_is_over_when_the_answer_has_come() -> None:
    assert not is_answered(b'event: message\ndata: {"method": "notifications/progress"}\n\n')
    assert not is_answered(b": keep-alive\n\ndata: not json\n\n")
    assert is_answered(b'data: {"jsonrpc": "2.0", "id": 1, "result": {}}\n\n')


def test_arguments_are_called_as_the_tool_or_the_registration_calls_them() -> None:
    schema = {"properties": {"patientId": {}, "resource_type": {}, "query": {"type": "string"}}}
    found = Listed(name="t", definition={"name": "t", "inputSchema": schema})
    wanted = Wanted.of("Condition?patient=p1&_count=5")
    search = McpTool(sha256="0" * 64, adapter="search")
    assert arguments(search, found, wanted, "p1") == {
        "resource_type": "Condition", "query": "patient=p1&_count=5",
    }  # fmt: skip
    domain = McpTool(sha256="0" * 64, adapter="resources", arguments={"patient": "who"})
    assert arguments(domain, found, wanted, "p1") == {"who": "p1"}


def test_structured_content_alone_is_read_with_exact_numbers() -> None:
    tool = McpTool(sha256="0" * 64, adapter="resources", resource_type="Observation")
    told = Told(texts=("1 result",), structured={"resources": [observation()], "next_cursor": "5"})
    wanted = Wanted.of("Observation?patient=p1")
    body = answer(told, tool, wanted, "https://ehr.test/fhir", "it").json
    assert body["entry"][0]["resource"]["valueQuantity"]["value"] == Decimal("4.1")
    assert isinstance(body["entry"][0]["resource"]["valueQuantity"]["value"], Decimal)
    assert body["link"][0]["url"] == "https://ehr.test/fhir/Observation?patient=p1&_cursor=5"


@requirement("chartside:mcp:failures")
@pytest.mark.parametrize(
    ("body", "state"),
    [
        ({"error": "Forbidden", "resources": []}, Failed(reason=f"{LABS_TOOL} says that it went wrong")),
        ({"errors": [{"code": 403}], "data": []}, Failed(reason=f"{LABS_TOOL} says that it went wrong")),
        ({"error": None, "errors": [], "resources": []}, Complete(n=0)),
        ({"resources": [], "has_more": "true"}, Failed(reason="the EHR has more pages and gives no address of them")),
        ({"resources": [], "has_more": "false"}, Complete(n=0)),
    ],
)  # fmt: skip
def test_what_went_wrong_inside_an_answer_is_never_none(body: Any, state: Any) -> None:
    assert _read(Told(texts=(json.dumps(body),))) == state


@requirement("chartside:mcp:failures")
def test_an_answer_in_several_parts_is_not_taken_for_its_first() -> None:
    parts = tuple(json.dumps({"resources": [one]}) for one in FOUND)
    assert _read(Told(texts=parts)) == Failed(reason=f"{LABS_TOOL} answered in several parts")
    # Words beside the records are no part of them.
    assert _read(Told(texts=("3 results", json.dumps({"resources": FOUND})))) == Complete(n=3)


def test_a_tool_of_more_categories_that_counts_more_than_it_gave_is_no_end() -> None:
    tool = McpTool(
        sha256="0" * 64, adapter="resources", resource_type="Observation", categories=("laboratory", "vital-signs")
    )  # fmt: skip
    wanted = Wanted.of("Observation?patient=p1&category=laboratory")
    for total, link in ((3, None), (200, [{"relation": "next"}])):
        told = Told(texts=(json.dumps({"resources": FOUND, "total": total}),))
        body = answer(told, tool, wanted, "https://ehr.test/fhir", "it").json
        assert body.get("link") == link


def _read(told: Told) -> Any:
    with by_mcp(ehr(), "typed") as asked, pytest.MonkeyPatch.context() as patch:
        patch.setattr(asked.client, "call", lambda *_: told)
        return asked.source.search(LABS).completeness
