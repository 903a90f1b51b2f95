"""The three shapes in which EHR vendors offer a chart by MCP, as tools over the gateway.

`generic`: one tool that takes a FHIR path. `search`: search and read by type and parameters. `typed`: a tool for each
domain, with results in a form of its own, some of them in words only.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
import orjson

from sandbox.mcp.access import Caller
from sandbox.mcp.switches import Switches
from sandbox.mcp.upstream import Answered, Upstream
from sandbox.mcp.wrong_answers import changed

Arguments = Mapping[str, Any]
PAGE = 100
_digits = msgspec.json.Decoder(float_hook=Decimal)
_written = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a tool gives: text, or structured content beside it; `failed` has the gateway's refusal in the text."""

    text: str
    structured: dict[str, Any] | None = None
    failed: bool = False


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One call: who asks, through what, with which switches."""

    caller: Caller
    upstream: Upstream
    switches: Switches

    def get(self, path: str) -> Answered:
        """Ask the gateway; pages are as long as the switch says."""
        if self.switches.page_size and "?" in path:
            kind, _, query = path.partition("?")
            kept = [(n, v) for n, v in parse_qsl(query) if n != "_count"]
            path = f"{kind}?{urlencode([*kept, ('_count', str(self.switches.page_size))])}"
        answer = self.upstream.get(path, self.caller.token)
        if answer.status != 200:
            return answer
        return Answered(status=200, text=changed(answer.text, self.switches))


@dataclass(frozen=True, kw_only=True)
class Offered:
    """One tool. `kind` and `category` say what a domain tool reads; `words`: it answers in words only."""

    name: str
    description: str
    properties: Mapping[str, Any]
    required: Sequence[str] = ()
    kind: str = ""
    category: str = ""
    words: bool = False

    def call(self, asked: Asked, arguments: Arguments) -> Told:
        """Run the tool."""
        if self.name == "fhir-request":
            return _plain(asked.get(str(arguments["path"])))
        if self.name == "read":
            return _plain(asked.get(f"{arguments['resourceType']}/{arguments['id']}"))
        if self.name == "search":
            params: Arguments = arguments.get("params", {})
            return _plain(
                asked.get(f"{arguments['resourceType']}?{urlencode(list(params.items()))}")
            )
        if self.name == "get_document_content":
            return _plain(asked.get(f"Binary/{arguments['id']}"))
        return _domain(self, asked, arguments)


STRING = {"type": "string"}
PATIENT = {"patient_id": {**STRING, "description": "The patient's FHIR id"}}
CURSOR = {"cursor": {**STRING, "description": "Where to go on, as an earlier answer said"}}
GENERIC = (
    Offered(
        name="fhir-request",
        description="Send a FHIR R4 read or search to this EHR and return its answer as FHIR JSON.",
        properties={
            "method": {**STRING, "enum": ["GET"]},
            "path": {**STRING, "description": "Below the FHIR base, such as Condition?patient=123"},
        },
        required=("method", "path"),
    ),
)
SEARCH = (
    Offered(
        name="search",
        description="Search a FHIR R4 resource type. Returns a searchset Bundle; follow its next link.",
        properties={
            "resourceType": STRING,
            "params": {"type": "object", "additionalProperties": STRING},
        },
        required=("resourceType", "params"),
    ),
    Offered(
        name="read",
        description="Read one FHIR R4 resource by type and id.",
        properties={"resourceType": STRING, "id": STRING},
        required=("resourceType", "id"),
    ),
)


def _typed(name: str, kind: str, what: str, category: str = "", *, words: bool = False) -> Offered:
    return Offered(
        name=name, description=f"Return the patient's {what}, newest first.", kind=kind, category=category,
        properties=PATIENT if kind == "Patient" else PATIENT | CURSOR, words=words,
    )  # fmt: skip


TYPED = (
    _typed("get_patient", "Patient", "demographics"),
    _typed("get_encounters", "Encounter", "encounters"),
    _typed("get_problems", "Condition", "problems"),
    _typed("get_allergies", "AllergyIntolerance", "allergies"),
    _typed("get_medications", "MedicationRequest", "medication orders"),
    _typed("get_labs", "Observation", "laboratory results", "laboratory"),
    _typed("get_vitals", "Observation", "vital signs", "vital-signs"),
    _typed("get_reports", "DiagnosticReport", "diagnostic reports"),
    _typed("get_orders", "ServiceRequest", "orders"),
    _typed("get_documents", "DocumentReference", "documents"),
    _typed("get_immunizations", "Immunization", "immunizations"),
    _typed("get_procedures", "Procedure", "procedures"),
    _typed("get_care_team", "CareTeam", "care team, in words", words=True),
    _typed("get_goals", "Goal", "goals, in words", words=True),
    Offered(
        name="get_document_content",
        description="Return the content of a document as a FHIR Binary.",
        properties={"id": STRING},
        required=("id",),
        kind="Binary",
    ),
)
SHAPES: Mapping[str, Sequence[Offered]] = {"generic": GENERIC, "search": SEARCH, "typed": TYPED}


def _plain(answer: Answered) -> Told:
    return Told(text=answer.text, failed=answer.status != 200)


SORTED = {
    "Encounter": "-date", "MedicationRequest": "-authoredon", "Observation": "-date", "DiagnosticReport": "-date",
    "ServiceRequest": "-authored", "DocumentReference": "-date", "Immunization": "-date", "Procedure": "-date",
    "Condition": "-recorded-date",
}  # fmt: skip


def _domain(tool: Offered, asked: Asked, arguments: Arguments) -> Told:
    patient = str(arguments.get("patient_id") or asked.caller.patient_id)
    if tool.kind == "Patient":
        answer = asked.get(f"Patient/{patient}")
        found = [answer.text] if answer.status == 200 else []
        return _resources(answer, found, 1, "")
    query = [("patient", patient), ("_count", str(PAGE))]
    query += [("category", tool.category)] if tool.category else []
    query += [("_sort", SORTED[tool.kind])] if tool.kind in SORTED else []
    if cursor := str(arguments.get("cursor") or ""):
        query.append(("_offset", base64.urlsafe_b64decode(cursor).decode()))
    answer = asked.get(f"{tool.kind}?{urlencode(query)}")
    if answer.status == 200 and (tool.words or tool.name in asked.switches.as_text):
        return Told(text=asked.switches.says.get(tool.name) or _in_words(answer))
    bundle = answer.body
    following = [x["url"] for x in bundle.get("link", []) if x["relation"] == "next"]
    more = dict(parse_qsl(following[0].partition("?")[2])).get("_offset", "") if following else ""
    return _resources(answer, _entries(answer), bundle.get("total"), more)


def _entries(answer: Answered) -> list[str]:
    """Return the resources of a Bundle as JSON with the digits that were sent."""
    if answer.status != 200:
        return []
    bundle = _digits.decode(answer.text)
    return [_written.encode(entry["resource"]).decode() for entry in bundle.get("entry", [])]


def _resources(answer: Answered, found: list[str], total: int | None, more: str) -> Told:
    if answer.status != 200:
        issues: list[dict[str, Any]] = answer.body.get("issue", [])
        said = issues[0].get("diagnostics", "") if issues else ""
        return Told(text=f"{answer.status}: {said}", failed=True)
    cursor = base64.urlsafe_b64encode(more.encode()).decode() if more else ""
    text = f'{{"resources":[{",".join(found)}],"total":{total or len(found)},"next_cursor":"{cursor}"}}'
    return Told(text=text, structured=orjson.loads(text))


def _in_words(answer: Answered) -> str:
    """Return records as a clinician would write them down; what is not said here cannot be had from this tool."""
    lines = [_sentence(entry["resource"]) for entry in answer.body.get("entry", [])]
    return "\n".join(lines) or "Nothing is recorded."


def _sentence(resource: dict[str, Any]) -> str:
    named = resource.get("description") or resource.get("code") or {}
    said = named.get("text") or resource.get("name") or resource["resourceType"]
    people = [
        str(one.get("member", {}).get("display", "")) for one in resource.get("participant", [])
    ]
    status = resource.get("lifecycleStatus") or resource.get("status") or "no status"
    return f"{said} ({status}){': ' + ', '.join(filter(None, people)) if any(people) else ''}"
