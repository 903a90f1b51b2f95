"""What servers do. Each `Behaviour` is one way to be ordinary, old, broken or hostile."""

import copy
import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx2

from app.fhir.source import Resource
from tests.hostile.server import (
    ISS,
    MARK,
    Behaviour,
    Reply,
    Request,
    changed,
    entries_of,
    next_url,
)  # fmt: skip

Bundles = Callable[[Resource, Request], Resource]
Replies = Callable[[Reply, Request], Reply]
Records = Callable[[Resource, Request], Resource]


def bundle(name: str, change: Bundles, **more: Any) -> Behaviour:
    return Behaviour(name=name, bundle=change, **more)


def reply(name: str, change: Replies, **more: Any) -> Behaviour:
    """Change answers to searches only: a launch whose Patient cannot be read shows nothing at all."""

    def only_searches(sent: Reply, asked: Request) -> Reply:
        return change(sent, asked) if asked.is_search else sent

    return Behaviour(name=name, reply=only_searches, **more)


def record(name: str, change: Records, **more: Any) -> Behaviour:
    def copied(found: Resource, asked: Request) -> Resource:
        return change(copy.deepcopy(found), asked)

    return Behaviour(name=name, record=copied, **more)


def body(name: str, sent: bytes, status: int = 200, **headers: str) -> Behaviour:
    """Send this body instead of every Bundle."""
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return reply(name, lambda _, __: Reply(body=sent, status=status, headers=named))


def edited(name: str, edit: Callable[[bytes], bytes], **headers: str) -> Behaviour:
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return reply(name, lambda sent, _: replace(sent, body=edit(sent.body), headers=named))


# ---------------------------------------------------------------- paging and parameters


def _without(*names: str) -> Bundles:
    return lambda b, _: {k: v for k, v in b.items() if k not in names}


def _total(total: object) -> Bundles:
    """Send a total beside one page of many, without a next link."""
    return lambda b, _: {**b, "link": [], "total": total}


def _next(url: Callable[[Request], Any]) -> Bundles:
    return lambda b, a: {**b, "link": [{"relation": "next", "url": url(a)}]}


def _repeats(b: Resource, _: Request) -> Resource:
    return changed(b, [*entries_of(b), *entries_of(b)[:5]])


def _overlaps(b: Resource, asked: Request) -> Resource:
    """A page that ends with the same records as the one before: no record is missing, some come twice."""
    return changed(b, [*entries_of(b)[-3:], *entries_of(b), *entries_of(b)[:3]])


def _gone(sent: Reply, asked: Request) -> Reply:
    return Reply(body=b"{}", status=410) if asked.page else sent


def _foreign(resource: Resource, n: int) -> Resource:
    """Return a record as another patient's, with a mark where a name stands."""
    text = json.dumps(resource, default=str)
    made: Resource = json.loads(text)
    for element in ("subject", "patient", "beneficiary"):
        if element in made:
            made[element] = {"reference": "Patient/other", "display": MARK}
    made["id"] = f"foreign-{n}"
    made.setdefault("code", {})["text"] = MARK
    return made


def _mixed(b: Resource, _: Request) -> Resource:
    strange = [{"resource": _foreign(e["resource"], n)} for n, e in enumerate(entries_of(b)[:3])]
    return changed(b, [*strange, *entries_of(b)])


def _only_foreign(b: Resource, _: Request) -> Resource:
    return changed(
        b, [{"resource": _foreign(e["resource"], n)} for n, e in enumerate(entries_of(b))]
    )


def _conflicting(b: Resource, _: Request) -> Resource:
    """Send one record twice with different contents."""
    found = entries_of(b)
    if not found:
        return b
    twin = json.loads(json.dumps(found[0]["resource"], default=str))
    twin["code"] = {"text": "something else"}
    twin.pop("meta", None)
    return changed(b, [{"resource": twin}, *found])


PAGING = (
    Behaviour(name="ignores _sort", ignored=frozenset({"_sort"}), mild=True),
    Behaviour(name="ignores _sort, pages of 20", ignored=frozenset({"_sort"}), page_size=20),
    Behaviour(name="ignores _count", ignored=frozenset({"_count"}), mild=True),
    Behaviour(name="ignores category", ignored=frozenset({"category"}), mild=True),
    Behaviour(name="ignores every parameter", ignored=frozenset({"category", "_sort", "_count"}), mild=True),
    Behaviour(name="pages of 20", page_size=20),
    Behaviour(name="pages of 7", page_size=7),
    bundle("pages without a total", _without("total"), page_size=20),
    bundle("20 without a next link", lambda b, _: {**b, "link": []}, page_size=20),
    bundle("20 without next or total", _without("total", "link"), page_size=20),
    bundle("50 without next or total", _without("total", "link"), page_size=50),
    bundle("total as text", lambda b, _: {**b, "link": [], "total": str(b["total"])}, page_size=17),
    bundle("total as a decimal", lambda b, _: {**b, "link": [], "total": float(b["total"])}, page_size=17),
    bundle("total too large", lambda b, _: {**b, "total": b["total"] + 50}),
    bundle("total too small", lambda b, _: {**b, "total": 1}, page_size=20),
    bundle("total of the page", lambda b, _: {**b, "total": len(b["entry"])}, page_size=20),
    bundle("negative total", lambda b, _: {**b, "total": -1}, page_size=20),
    bundle("next goes to itself", _next(lambda a: next_url(a, a.page)), page_size=20),
    bundle("next goes round", _next(lambda a: next_url(a, (a.page + 1) % 2)), page_size=20),
    bundle("next to another path", _next(lambda _: "https://ehr.test/other/Observation?p=2"), page_size=20),
    bundle("next to another host", _next(lambda _: "https://evil.test/fhir/Observation?p=2"), page_size=20),
    bundle("next without an address", lambda b, _: {**_without("total")(b, _), "link": [{"relation": "next"}]}, page_size=20),
    bundle("next as a number", lambda b, _: {**_without("total")(b, _), "link": [{"relation": "next", "url": 5}]}, page_size=20),
    bundle("Next in capitals", lambda b, _: {**_without("total")(b, _), "link": [{**x, "relation": x["relation"].title()} for x in b["link"]]}, page_size=17),
    bundle("links as an object", lambda b, _: {**_without("total")(b, _), "link": b["link"][-1]}, page_size=17),
    bundle("empty pages for ever", lambda b, a: {**b, "entry": [], "link": [{"relation": "next", "url": next_url(a)}]}),
    bundle("duplicates on a page", _repeats, mild=True),
    bundle("duplicates across pages", _overlaps, page_size=20),
    bundle("one id with two contents", _conflicting),
    bundle("patients mixed", _mixed),
    bundle("another patient only", _only_foreign),
    reply("410 on the next page", _gone, page_size=20),
    reply("next page is HTML", lambda s, a: replace(s, body=b"<html>") if a.page else s, page_size=20),
)  # fmt: skip


# ---------------------------------------------------------------- outcomes and statuses


def _outcome(severity: str, code: str, number: str = "", text: str = "") -> Resource:
    details: Resource = {"coding": [{"code": number}]} if number else {"text": text}
    return {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": severity, "code": code, "details": details}],
    }


def _with_outcome(outcome: Resource, *, keep: int | None = None) -> Bundles:
    entry = {"resource": outcome, "search": {"mode": "outcome"}}
    return lambda b, _: {**changed(b, [*entries_of(b)[:keep], entry]), "total": 0}


def _once(status: int, **headers: str) -> Replies:
    return lambda s, a: s if a.before else Reply(body=b"{}", status=status, headers=headers)


def _always(status: int, **headers: str) -> Replies:
    return lambda _, __: Reply(body=b"{}", status=status, headers=headers)


def _with_status(status: int) -> Replies:
    return lambda sent, _: replace(sent, status=status)


RETRY = {
    "seconds": "1", "zero": "0", "long": "3600", "huge": "9" * 400, "date": "Fri, 20 Nov 2026 14:43:00 GMT",
    "past": "Fri, 20 Nov 2020 14:43:00 GMT", "negative": "-1", "garbage": "soon, please", "fraction": "1.5", "empty": "",
}  # fmt: skip
STATUSES = (
    *(
        reply(
            f"{status} always, Retry-After {form}",
            _always(status, **{"Retry-After": value}),
        )
        for status in (429, 503)
        for form, value in RETRY.items()
    ),
    reply("429 once, Retry-After 1", _once(429, **{"Retry-After": "1"}), mild=True),
    *(reply(f"{status} once", _once(status)) for status in (500, 502, 503, 504)),
    *(reply(f"{status} always", _always(status)) for status in (500, 502, 504, 401, 403, 404, 400, 406, 410, 418, 304)),
    *(reply(f"{status} with a Bundle", _with_status(status)) for status in (201, 202, 206)),
    reply("206 with a part", lambda s, a: replace(s, status=206), page_size=7),
    body("204", b"", 204),
    body("empty body with 200", b""),
    body("HTML with 200", b"<!doctype html><title>Sign in</title>", Content_Type="text/html"),
    body("redirect to a sign-in page", b"", 302, Location="https://ehr.test/login"),
    body("OperationOutcome with 200", json.dumps(_outcome("error", "processing", text="no")).encode()),
    body("informational OperationOutcome with 200", json.dumps(_outcome("information", "informational", text="ok")).encode()),
    bundle("4119 in the searchset", _with_outcome(_outcome("warning", "suppressed", "4119")), apart=frozenset({"remark"}), mild=True),
    bundle("59204 in the searchset", _with_outcome(_outcome("warning", "suppressed", "59204"), keep=3)),
    bundle("break the glass in the searchset", _with_outcome(_outcome("warning", "suppressed", "4130"), keep=0)),
    bundle("an error in the searchset", _with_outcome(_outcome("error", "exception", text="timeout"), keep=2)),
    bundle("a warning in the searchset", _with_outcome(_outcome("warning", "incomplete", text="partial"), keep=2)),
    bundle("information that says withheld", _with_outcome(_outcome("information", "informational", text="2 results withheld"), keep=2)),
    bundle("an outcome without issues", _with_outcome({"resourceType": "OperationOutcome"}, keep=2)),
)  # fmt: skip


# ---------------------------------------------------------------- bytes


def _doubled(sent: bytes) -> bytes:
    """Send `entry` twice: a reader that takes the last loses the first."""
    return (
        sent.replace(
            b'{"resourceType": "Bundle"', b'{"resourceType": "Bundle", "entry": [], "total": 0', 1
        )[:-1]
        + b', "total": 0, "entry": []}'
    )


def _keys(sent: bytes) -> bytes:
    return sent.replace(b'"id":', b'"code": {"text": "other"}, "id":') + b" " * (b"Bundle" in sent)


def _nested(depth: int) -> Callable[[bytes], bytes]:
    return lambda sent: sent[:-1] + b', "extension":' + b"[" * depth + b"]" * depth + b"}"


def _bomb(_: bytes) -> bytes:
    return gzip.compress(b'{"resourceType":"Bundle","entry":[' + b" " * (40 * 2**20) + b"]}", 9)


def _of_50_mb(sent: bytes) -> bytes:
    return sent[:-1] + b" " * (50 * 2**20) + b"}"


def _cut(sent: Reply, _: Request) -> Reply:
    broken = httpx2.RemoteProtocolError(
        "peer closed connection without sending complete message body"
    )
    return replace(sent, body=sent.body[: len(sent.body) // 2], raised=broken)


BYTES = (
    edited("50 MB", _of_50_mb),
    edited("a gzip bomb", _bomb, Content_Encoding="gzip"),
    edited("gzip that is not", lambda s: s, Content_Encoding="gzip"),
    edited("brotli", lambda s: s, Content_Encoding="br"),
    edited("gzip", gzip.compress, Content_Encoding="gzip"),
    edited("half a gzip", lambda s: gzip.compress(s)[:-20], Content_Encoding="gzip"),
    edited("nested 500 deep", _nested(500)),
    edited("nested 100,000 deep", _nested(100_000)),
    edited("wrong content type", lambda s: s, Content_Type="text/plain"),
    edited("half the JSON", lambda s: s[: len(s) // 2]),
    edited("JSON and more", lambda s: s + s),
    edited("keys of the Bundle twice", _doubled),
    edited("keys of records twice", _keys),
    edited("a byte order mark", lambda s: b"\xef\xbb\xbf" + s),
    edited("UTF-16", lambda s: s.decode().encode("utf-16")),
    edited("NaN", lambda s: s.replace(b'"total": ', b'"x": NaN, "total": ')),
    edited("not UTF-8", lambda s: s.replace(b'"display": "', b'"display": "\xff')),
    edited("lone surrogates", lambda s: s.replace(b'"display": "', b'"display": "\\ud800')),
    edited("NUL in text", lambda s: s.replace(b'"text": "', b'"text": "\\u0000')),
    edited("a list around it", lambda s: b"[" + s + b"]"),
    body("null", b"null"),
    body("text", b'"busy"'),
    body("a Bundle without entries", b'{"resourceType":"Bundle","total":3}'),
    body("a Parameters resource", b'{"resourceType":"Parameters"}'),
    edited("entry is an object", lambda s: json.dumps({**json.loads(s), "entry": {"resource": {}}}).encode()),
    edited("entries without resources", lambda s: json.dumps({**json.loads(s), "entry": [{"fullUrl": f"{ISS}/X/1"}]}).encode()),
    reply("no answer in time", lambda _, __: Reply(body=b"", raised=httpx2.ReadTimeout("slow headers"))),
    reply("a body that stalls", lambda s, _: replace(s, body=s.body[:100], raised=httpx2.ReadTimeout("slow body"))),
    reply("a cut body", _cut),
    reply("a broken connection", lambda _, __: Reply(body=b"", raised=httpx2.ReadError("reset"))),
    reply("no connection", lambda _, __: Reply(body=b"", raised=httpx2.ConnectError("refused"))),
)  # fmt: skip


# ---------------------------------------------------------------- shapes of records


def _everywhere(change: Callable[[Resource], None]) -> Records:
    """Apply a change to every object inside a record."""

    def walk(found: Resource, _: Request) -> Resource:
        waiting: list[Any] = [found]
        while waiting:
            one = waiting.pop()
            if isinstance(one, dict):
                waiting += one.values()
                change(one)
            elif isinstance(one, list):
                waiting += one
        return found

    return walk


def _without_element(*names: str) -> Records:
    return lambda r, _: {k: v for k, v in r.items() if k not in names}


def _r5_medicine(r: Resource, _: Request) -> Resource:
    if "medicationCodeableConcept" in r:
        r["medication"] = {"concept": r.pop("medicationCodeableConcept")}
    return r


def _r5_class(r: Resource, _: Request) -> Resource:
    if r["resourceType"] == "Encounter" and isinstance(r.get("class"), dict):
        r["class"] = [{"coding": [r["class"]]}]
        r["actualPeriod"] = r.pop("period", {})
    return r


def _nameless_medicine(r: Resource, _: Request) -> Resource:
    if "medicationCodeableConcept" in r:
        del r["medicationCodeableConcept"]
        r["medicationReference"] = {"reference": "urn:uuid:2f0f6b1c-0000-4000-8000-000000000000"}
    return r


def _numbers_as_text(element: Resource) -> None:
    if (
        isinstance(element.get("value"), int | float)
        or type(element.get("value")).__name__ == "Decimal"
    ):
        element["value"] = str(element["value"])


def _references(change: Callable[[str], str]) -> Records:
    def one(element: Resource) -> None:
        sent = element.get("reference")
        if isinstance(sent, str) and "/" in sent:
            element["reference"] = change(sent)

    return _everywhere(one)


def _dates(change: Callable[[str], str]) -> Records:
    names = (
        "effectiveDateTime",
        "issued",
        "authoredOn",
        "recordedDate",
        "date",
        "start",
        "onsetDateTime",
    )

    def one(element: Resource) -> None:
        for name in names:
            if isinstance(element.get(name), str) and len(element[name]) > 10:
                element[name] = change(element[name])

    return _everywhere(one)


def _to_utc(letter: str, between: str = "T") -> Callable[[str], str]:
    def change(sent: str) -> str:
        moment = datetime.fromisoformat(sent).astimezone(UTC)
        return moment.strftime(f"%Y-%m-%d{between}%H:%M:%S") + letter

    return change


def _extension_only(name: str) -> Records:
    told = {
        "extension": [
            {
                "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason",
                "valueCode": "unknown",
            }
        ]
    }

    def change(r: Resource, _: Request) -> Resource:
        if name in r:
            del r[name]
            r[f"_{name}"] = told
        return r

    return change


def _value_without_number(r: Resource, _: Request) -> Resource:
    for part in (r, *r.get("component", [])) if r["resourceType"] == "Observation" else ():
        if "valueQuantity" in part:
            part["valueQuantity"].pop("value", None)
            part["valueQuantity"]["_value"] = {"extension": []}
    return r


def _value_of_another_kind(r: Resource, _: Request) -> Resource:
    for part in (r, *r.get("component", [])) if r["resourceType"] == "Observation" else ():
        if "valueQuantity" in part:
            part["valueAttachment"] = {"title": str(part.pop("valueQuantity"))}
    return r


def _local_category(r: Resource, _: Request) -> Resource:
    if r["resourceType"] == "Observation" and "laboratory" in str(r.get("category")):
        r["category"] = [{"coding": [{"system": "urn:local", "code": "CHEM"}], "text": "Chemistry"}]
    return r


def _vendor(element: Resource) -> None:
    element["vendorField"] = {"x": [1, None, {"y": True}]}


def _nothing(r: Resource, _: Request) -> Resource:
    return {
        k: v
        for k, v in r.items()
        if k in ("resourceType", "id", "subject", "patient", "status", "intent")
    }


DATED = frozenset({"date", "moment"})
# Without codes nobody can tell which result answers an order, or that an entry states that no allergy is known: the
# groups "pending" and "stated" come from there.
SHAPES = (
    record("R5 medication", _r5_medicine, mild=True),
    record("R5 Encounter", _r5_class),
    record("medicines that nobody can name", _nameless_medicine),
    record("vendor fields", _everywhere(_vendor), mild=True),
    record("no status", _without_element("status"), apart=frozenset({"status", "group"})),
    record("status as an extension", _extension_only("status"), apart=frozenset({"status", "group"})),
    record("dates as extensions", _extension_only("effectiveDateTime"), apart=DATED),
    record("numbers as text", _everywhere(_numbers_as_text), apart=frozenset({"flag"})),
    record("no numbers in quantities", _value_without_number, apart=frozenset({"value"})),
    record("values of another kind", _value_of_another_kind, apart=frozenset({"value"})),
    record("categories of its own", _local_category),
    record("bare dates", _dates(lambda d: d[:10]), apart=DATED),
    record("dateTimes without a zone", _dates(lambda d: d[:19]), mild=True),
    record("dateTimes without seconds", _dates(lambda d: d[:16] + d[19:]), mild=True),
    record("dateTimes in UTC", _dates(_to_utc("Z")), mild=True),
    record("dateTimes in utc, small z", _dates(_to_utc("z")), mild=True),
    record("dateTimes with a blank", _dates(_to_utc("+00:00", " ")), mild=True),
    record("dateTimes with +0000", _dates(_to_utc("+0000")), mild=True),
    record("dateTimes with nanoseconds", _dates(_to_utc(".123456789Z")), mild=True),
    record("absolute references", _references(lambda r: f"{ISS}/{r}"), mild=True),
    record("versioned references", _references(lambda r: f"{r}/_history/7"), mild=True),
    record("absolute versioned references", _references(lambda r: f"{ISS}/{r}/_history/7"), mild=True),
    record("urn:uuid references", _references(lambda r: "urn:uuid:2f0f6b1c-0000-4000-8000-000000000000")),
    record("contained references", _references(lambda r: "#p")),
    record("references to another server", _references(lambda r: f"https://elsewhere.test/fhir/{r}")),
    record("ids with slashes", lambda r, _: {**r, "id": f"a/{r['id']}"} if r["resourceType"] != "Patient" else r),
    record("ids as numbers", lambda r, a: {**r, "id": 5} if r["resourceType"] != "Patient" else r),
    record("no ids", lambda r, _: {k: v for k, v in r.items() if k != "id"} if r["resourceType"] != "Patient" else r),
    record("no codes", _without_element("code", "medicationCodeableConcept", "vaccineCode"), apart=frozenset({"name", "group"})),
    record("nothing but ids", _nothing, apart=frozenset({"name", "date", "moment", "value", "status", "group"})),
    record("lists as single objects", lambda r, _: {k: v[0] if isinstance(v, list) and v else v for k, v in r.items()}),
    record("resourceType in another case", lambda r, _: {**r, "resourceType": r["resourceType"].lower()} if r["resourceType"] != "Patient" else r),
)  # fmt: skip


# ---------------------------------------------------------------- what the EHR says that it offers


def _metadata(sent: bytes, status: int = 200) -> Replies:
    return lambda s, a: Reply(body=sent, status=status) if a.path == "metadata" else s


def _lying() -> bytes:
    rest = [{"mode": "server", "resource": [{"type": "Patient"}, {"type": "Observation"}]}]
    return json.dumps({"resourceType": "CapabilityStatement", "rest": rest}).encode()


STATEMENTS = (
    Behaviour(name="no CapabilityStatement", reply=_metadata(b"{}", 404), mild=True),
    Behaviour(name="a CapabilityStatement of nonsense", reply=_metadata(b'{"resourceType":"CapabilityStatement","rest":5}'), mild=True),
    Behaviour(name="a huge CapabilityStatement", reply=_metadata(b" " * (33 * 2**20)), mild=True),
    Behaviour(name="a CapabilityStatement that lies", reply=_metadata(_lying())),
)  # fmt: skip

CLEAN = Behaviour(name="correct", mild=True)
BEHAVIOURS: tuple[Behaviour, ...] = (*PAGING, *STATUSES, *BYTES, *SHAPES, *STATEMENTS)
BY_NAME: Mapping[str, Behaviour] = {b.name: b for b in BEHAVIOURS}
