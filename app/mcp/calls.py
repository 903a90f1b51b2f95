"""Turn a FHIR address into a call of an approved tool, and the tool's answer into FHIR JSON.

Only addresses that `app.fhir` built come in, so that no argument is a model's words. A tool of one type cannot be narrowed
down: what it cannot be asked for is said, never answered with something wider.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from app.boundary import Response, read_fhir
from app.errors import NotRead
from app.fhir.source import Resource
from app.fhir.values import categories
from app.mcp.client import Told
from app.mcp.pins import Listed
from app.smart.ehr_mcp import McpTool

# What the arguments are called, most usual first; a registration may say otherwise.
USUAL: Mapping[str, Sequence[str]] = {
    "patient": ("patient_id", "patientId", "patient", "subject"),
    "cursor": ("cursor", "next_cursor", "page_token", "pageToken"),
    "type": ("resourceType", "resource_type", "type"),
    "params": ("params", "parameters", "searchParams", "searchParam", "search_params", "query"),
    "id": ("id", "resource_id", "resourceId", "document_id"),
    "path": ("path", "url", "endpoint"),
    "method": ("method", "http_method"),
}
# What a tool of one type is never asked for, and does not need to be: order and page size change no answer.
IGNORED = frozenset(("patient", "_sort", "_count", "category"))
CURSOR = "_cursor"
LISTS = ("resources", "entry", "results", "items", "records", "data")
CURSORS = ("next_cursor", "nextCursor", "next_page_token", "nextPageToken")
CUT = ("truncated", "has_more", "hasMore")
# How a tool tells in its own form that it failed, beside a list that is empty for that reason.
WRONG = ("error", "errors", "isError")
NO: tuple[object, ...] = (None, False, 0, "", "false", "False", "no", [], {})
STATUS = re.compile(r"(?:HTTP )?(4\d\d|5\d\d)\b")
CODES = {
    "forbidden": 403, "security": 403, "suppressed": 403, "login": 401, "expired": 401, "unknown": 401,
    "throttled": 429, "not-found": 404, "deleted": 410, "not-supported": 405,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an address asks for: a search of a type, or one resource by `fhir_id`."""

    path: str
    kind: str
    fhir_id: str = ""
    params: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, path: str) -> "Wanted":
        """Read an address below the FHIR base."""
        place, _, query = path.partition("?")
        kind, _, fhir_id = place.partition("/")
        params = tuple(parse_qsl(query, keep_blank_values=True))
        return cls(path=path, kind=kind, fhir_id=fhir_id, params=params)

    @property
    def categories(self) -> frozenset[str]:
        """The categories that it asks for; none: all."""
        return frozenset(dict(self.params).get("category", "").split(",")) - {""}


def serves(tool: McpTool, wanted: Wanted) -> bool:
    """Tell whether a tool gives what is wanted, as it is registered."""
    match tool.adapter:
        case "fhir_request":
            return True
        case "search":
            return not wanted.fhir_id
        case "read":
            return bool(wanted.fhir_id) and tool.resource_type in ("", wanted.kind)
        case "resources":
            mine = tool.resource_type == wanted.kind
            one = not wanted.fhir_id or wanted.kind == "Patient"
            return mine and one and _has(tool, wanted.categories)
        case _:
            return False


def choose(tools: Mapping[str, McpTool], wanted: Wanted) -> str:
    """Return the name of the tool for what is wanted: one of that type before one for all; "" if none gives it."""
    able = [(name, tool) for name, tool in tools.items() if serves(tool, wanted)]
    able.sort(key=lambda found: (not found[1].resource_type, found[1].adapter == "fhir_request"))
    return able[0][0] if able else ""


def _has(tool: McpTool, asked: frozenset[str]) -> bool:
    """Tell whether a tool has all of the categories that are asked for."""
    return not tool.categories or (bool(asked) and asked <= set(tool.categories))


def too_narrow(tool: McpTool, wanted: Wanted) -> str:
    """Return the search parameter that a tool of one type has no way to take, "" if there is none."""
    if tool.adapter != "resources":
        return ""
    return next((name for name, _ in wanted.params if name not in IGNORED | {CURSOR}), "")


def arguments(tool: McpTool, found: Listed, wanted: Wanted, patient_id: str) -> dict[str, Any]:
    """Return a call's arguments."""
    names = {role: _name(role, tool, found) for role in USUAL}
    params = dict(wanted.params)
    by_adapter: dict[str, dict[str, Any]] = {
        "fhir_request": {"path": wanted.path, "method": "GET"},
        "search": {"type": wanted.kind, "params": _params(params, found, names["params"])},
        "read": {"type": wanted.kind, "id": wanted.fhir_id},
        "resources": {"patient": patient_id, "cursor": params.get(CURSOR)},
        "statement": {"patient": patient_id},
    }
    given = by_adapter[tool.adapter]
    return {
        names[role]: value for role, value in given.items() if names[role] and value is not None
    }


def _params(params: dict[str, str], found: Listed, name: str) -> dict[str, str] | str:
    kind = found.properties.get(name, {})
    return urlencode(params) if isinstance(kind, dict) and kind.get("type") == "string" else params


def _name(role: str, tool: McpTool, found: Listed) -> str:
    """Return what a tool calls an argument; "" where it has none."""
    if role in tool.arguments:
        return tool.arguments[role]
    return next((name for name in USUAL[role] if name in found.properties), "")


# ---------------------------------------------------------------- answers


def answer(told: Told, tool: McpTool, wanted: Wanted, base: str, who: str) -> Response:
    """Return a tool's answer as the FHIR server's would be; `who` names the tool for the clinician.

    Raises:
        NotRead: the tool failed without a known status, or answered in words.
    """
    bodies = [b for text in told.texts if _is_json(b := read_fhir(text.encode()))]
    body = bodies[0] if bodies else None
    if told.failed:
        return _refusal(told, body, who)
    if len(bodies) > 1:
        # Which of them is the answer, or whether all are, is not known; the first alone may be a part of it.
        raise NotRead(f"{who} answered in several parts")
    texts = told.texts
    if body is None and _is_json(told.structured):
        # The SDK has read these numbers as floats: the zeros at their end are lost, the rest is as sent.
        texts = (json.dumps(told.structured),)
        body = read_fhir(texts[0].encode())
    if body is None:
        raise NotRead(f"{who} answered in words, not in records")
    if tool.adapter == "resources":
        body = as_fhir(body, tool, wanted, base, who)
    text = next((t for t in texts if _is_json(read_fhir(t.encode()))), "").encode()
    return Response(status=200, json=body, headers={}, size_bytes=len(text), body=text)


def _is_json(body: Any) -> bool:
    return isinstance(body, dict | list)


def _refusal(told: Told, body: Any, who: str) -> Response:
    if status := status_of(told):
        return Response(status=status, json=body, headers={}, size_bytes=0, body=b"")
    raise NotRead(f"{who} says that it went wrong")


def status_of(told: Told) -> int:
    """Return the HTTP status that a tool's error stands for, 0 if it stands for none.

    An OperationOutcome's codes say it, or the number that the text begins with.
    """
    if not told.failed or not told.texts:
        return 0
    body = read_fhir(told.texts[0].encode())
    if isinstance(body, dict) and body.get("resourceType") == "OperationOutcome":
        issues = body.get("issue")
        found = [i for i in issues if isinstance(i, dict)] if isinstance(issues, list) else []
        return next((CODES[str(i.get("code"))] for i in found if str(i.get("code")) in CODES), 500)
    said = STATUS.match(told.texts[0])
    return int(said[1]) if said else 0


def as_fhir(body: Any, tool: McpTool, wanted: Wanted, base: str, who: str) -> Any:
    """Return what a tool of one type gave as a searchset, or as the one resource that was wanted."""
    if isinstance(body, dict) and body.get("resourceType") in (
        "Bundle",
        "OperationOutcome",
        wanted.kind,
    ):
        return body
    if isinstance(body, dict) and any(body.get(name) not in NO for name in WRONG):
        raise NotRead(f"{who} says that it went wrong")
    sent = body if isinstance(body, list) else _list(body)
    if sent is None:
        raise NotRead(f"{who} answered in a form that is not known here")
    if wanted.fhir_id:
        return next((r for r in sent if isinstance(r, dict)), {})
    bundle: Resource = {"resourceType": "Bundle", "type": "searchset"}
    bundle["entry"] = [{"resource": r} for r in _kept(sent, tool, wanted)]
    if isinstance(body, dict):
        total = body.get("total")
        narrows = _narrows(tool, wanted)
        bundle |= _pages(body, wanted, base, more=narrows and _is_more(total, len(sent)))
        if "total" in body and not narrows:
            bundle["total"] = total
    return bundle


def _list(body: Mapping[str, Any]) -> list[Any] | None:
    return next((body[name] for name in LISTS if isinstance(body.get(name), list)), None)


def _narrows(tool: McpTool, wanted: Wanted) -> bool:
    return bool(tool.categories) and set(tool.categories) > wanted.categories


def _kept(sent: list[Any], tool: McpTool, wanted: Wanted) -> list[Any]:
    """Leave out what other categories' sections will show; what cannot be read stays, and is counted as such."""
    found = [r.get("resource", r) if isinstance(r, dict) else r for r in sent]
    if not _narrows(tool, wanted):
        return found
    return [r for r in found if not isinstance(r, dict) or wanted.categories & set(categories(r))]


def _is_more(total: Any, n: int) -> bool:
    """Tell whether a tool says that there are more than the `n` it gave."""
    return isinstance(total, int) and total > n


def _pages(body: Mapping[str, Any], wanted: Wanted, base: str, *, more: bool) -> Resource:
    cursor = next((body[name] for name in CURSORS if body.get(name)), "")
    if cursor:
        kept = [(n, v) for n, v in wanted.params if n != CURSOR]
        query = urlencode([*kept, (CURSOR, str(cursor))], quote_via=quote)
        return {"link": [{"relation": "next", "url": f"{base}/{wanted.kind}?{query}"}]}
    # More exists, and there is no way to it: a next link without an address says just that.
    cut = more or any(body.get(name) not in NO for name in CUT)
    return {"link": [{"relation": "next"}]} if cut else {}
