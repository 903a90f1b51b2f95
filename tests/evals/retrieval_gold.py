"""Questions about every chart that a tool call should answer, and which records of the file answer them.

A second, naive program: plain loops over the raw NDJSON, nothing of the product. Charts of which the EHR refuses to
show anything (merged records) have no questions; records that it labels restricted stand in their chart's gold.
"""

import base64
import random
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from tests.evals.gold import (
    CHARTS,
    RESULT_STATUSES,
    Resource,
    pending,
    read,
    ref,
    stands,
    status,
    words,
)

SITE = ZoneInfo("America/Chicago")
MERGED = ("special/merged-link", "special/merged-redirect")
MOST_ASKED = 40  # records: what fits one answer
Asked = tuple[str, dict[str, object], list[Resource]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question: its kind, its chart, the call that asks it, and the records that answer it."""

    kind: str
    chart: str
    tool: str
    arguments: dict[str, object]
    gold: tuple[Resource, ...]


def names() -> list[str]:
    """Return every chart's folder name."""
    found = [p.parent.relative_to(CHARTS).as_posix() for p in CHARTS.rglob("manifest.json")]
    return sorted(name for name in found if name not in MERGED)


def questions(how_many: int, *, but: Collection[str] = (), seed: int = 5) -> list[Question]:
    """Return some questions about all charts `but` these, kind by kind in turn: rare ones as often as common ones."""
    chance = random.Random(seed)  # a draw, not a secret
    by_kind: dict[str, list[Question]] = defaultdict(list)
    for name in (n for n in names() if n not in but):
        resources = read(name)
        for kind, ask in KINDS.items():
            by_kind[kind] += [
                Question(kind=kind, chart=name, tool=tool, arguments=arguments, gold=tuple(found))
                for tool, arguments, found in ask(resources)
                if len(found) <= MOST_ASKED
            ]
    for asked in by_kind.values():
        chance.shuffle(asked)
    out: list[Question] = []
    while len(out) < how_many and any(by_kind.values()):
        out += [asked.pop() for asked in by_kind.values() if asked]
    return out[:how_many]


# ---------------------------------------------------------------- reading the file


def of(resources: Iterable[Resource], kind: str) -> list[Resource]:
    return [r for r in resources if r["resourceType"] == kind and stands(r)]


def when(resource: Resource) -> str:
    """Return the date that a record is filed under, as sent."""
    period = (
        resource.get("period")
        or resource.get("effectivePeriod")
        or resource.get("performedPeriod")
        or {}
    )
    fields = (
        "effectiveDateTime", "performedDateTime", "authoredOn", "occurrenceDateTime", "date", "onsetDateTime",
        "recordedDate",
    )  # fmt: skip
    return str(next((resource[f] for f in fields if resource.get(f)), period.get("start", "")))


def local(stamp: str) -> str:
    """Return a date as the site's clock showed it."""
    if "T" not in stamp:
        return stamp
    return datetime.fromisoformat(stamp).astimezone(SITE).strftime("%Y-%m-%dT%H:%M")


def code(resource: Resource) -> str:
    codings = resource["code"].get("coding") or [{}]
    return str(codings[0].get("code", ""))


def numbers(resources: list[Resource]) -> dict[str, list[Resource]]:
    """Return the results that are numbers, by code, where all of a code have one unit; panels are left out."""
    found: dict[str, list[Resource]] = defaultdict(list)
    for r in of(resources, "Observation"):
        kinds = {str(c.get("code")) for k in r.get("category", []) for c in k.get("coding", [])}
        if r["status"] in RESULT_STATUSES and kinds & {"laboratory", "vital-signs"} and code(r):
            found[code(r)].append(r)
    return {
        c: every
        for c, every in found.items()
        if all("valueQuantity" in r and "comparator" not in r["valueQuantity"] for r in every)
        and len({(r["valueQuantity"].get("unit"), words(r["code"])) for r in every}) == 1
        and not any("method" in r for r in every)
    }


def amount(resource: Resource) -> Decimal:
    return Decimal(resource["valueQuantity"]["value"])


def text_of(note: Resource) -> str:
    """Return the plain text that a document carries; empty for any other form."""
    found = [c["attachment"] for c in note.get("content", [])]
    plain = [
        a for a in found if str(a.get("contentType", "")).startswith("text/plain") and a.get("data")
    ]
    return "\n".join(base64.b64decode(a["data"]).decode("utf-8", "replace") for a in plain)


# ---------------------------------------------------------------- questions


def newest_value(resources: list[Resource]) -> Iterator[Asked]:
    for c, found in numbers(resources).items():
        last = max(local(when(r)) for r in found)
        sql = f"SELECT handle, value, unit, time FROM results WHERE code = '{c}' QUALIFY time = max(time) OVER ()"
        yield "chart_query", {"sql": sql}, [r for r in found if local(when(r)) == last]


def extremes(resources: list[Resource]) -> Iterator[Asked]:
    for c, found in numbers(resources).items():
        for which, value in (("max", max(map(amount, found))), ("min", min(map(amount, found)))):
            sql = (
                f"SELECT handle, value, unit, time FROM results WHERE code = '{c}' "
                f"QUALIFY number = {which}(number) OVER ()"
            )
            yield "chart_query", {"sql": sql}, [r for r in found if amount(r) == value]


def in_a_window(resources: list[Resource]) -> Iterator[Asked]:
    for c, found in numbers(resources).items():
        for year in sorted({local(when(r))[:4] for r in found}):
            inside = [r for r in found if local(when(r))[:4] == year]
            window = {"since": f"{year}-01-01", "until": f"{int(year) + 1}-01-01"}
            yield "chart_results", {"tests": [c], **window}, inside


def all_of_a_test(resources: list[Resource]) -> Iterator[Asked]:
    for c, found in numbers(resources).items():
        yield "chart_results", {"tests": [c]}, found


def problems(state: str) -> Callable[[list[Resource]], Iterator[Asked]]:
    def ask(resources: list[Resource]) -> Iterator[Asked]:
        found = [r for r in of(resources, "Condition") if status(r, "clinicalStatus") == state]
        yield from listed("problems", found, state)

    return ask


def orders(*states: str) -> Callable[[list[Resource]], Iterator[Asked]]:
    def ask(resources: list[Resource]) -> Iterator[Asked]:
        for state in states:
            found = [r for r in of(resources, "MedicationRequest") if r["status"] == state]
            yield from listed("medications", found, state)

    return ask


def orders_named(resources: list[Resource]) -> Iterator[Asked]:
    yield from named("medications", of(resources, "MedicationRequest"), "medicationCodeableConcept")


def listed(section: str, found: list[Resource], state: str = "") -> Iterator[Asked]:
    if found:
        yield "chart_section", {"section": section, "status": state, "limit": 100}, found


def named(section: str, found: list[Resource], field: str) -> Iterator[Asked]:
    """Ask for the records that bear the first word of one of them, where no other word could mean it as well."""
    firsts = {
        m[0].lower()
        for r in found
        if field in r and (m := re.match(r"[A-Za-z]{6,}", words(r[field])))
    }
    for word in sorted(firsts):
        mine = [
            r for r in found if field in r and re.search(rf"\b{word}s?\b", words(r[field]), re.I)
        ]
        yield "chart_section", {"section": section, "words": word, "limit": 100}, mine


def since(section: str, kind: str) -> Callable[[list[Resource]], Iterator[Asked]]:
    def ask(resources: list[Resource]) -> Iterator[Asked]:
        found = [
            r
            for r in of(resources, kind)
            if r.get("status") != "cancelled" or kind != "DiagnosticReport"
        ]
        dates = sorted({local(when(r))[:10] for r in found if when(r)}, reverse=True)
        for day in dates[:: max(len(dates) // 6, 1)]:
            inside = [r for r in found if local(when(r)) >= day]
            yield "chart_section", {"section": section, "since": day, "limit": 100}, inside

    return ask


def procedures_named(resources: list[Resource]) -> Iterator[Asked]:
    yield from named("procedures", of(resources, "Procedure"), "code")


def vaccines_named(resources: list[Resource]) -> Iterator[Asked]:
    yield from named("immunizations", of(resources, "Immunization"), "vaccineCode")


def encounters_in_a_year(resources: list[Resource]) -> Iterator[Asked]:
    found = of(resources, "Encounter")
    for year in sorted({local(when(r))[:4] for r in found}):
        sql = (
            "SELECT handle, name, time FROM records WHERE section = 'encounters' "
            f"AND time >= '{year}-01-01' AND time < '{int(year) + 1}-01-01'"
        )
        yield "chart_query", {"sql": sql}, [r for r in found if local(when(r))[:4] == year]


def allergies(resources: list[Resource]) -> Iterator[Asked]:
    yield from listed("allergies", of(resources, "AllergyIntolerance"))


def waiting(resources: list[Resource]) -> Iterator[Asked]:
    answers = {fact.reference for fact in pending(resources).must}
    found = [r for r in resources if ref(r) in answers]
    if found:
        yield "chart_pending", {}, found


def notes_with(resources: list[Resource]) -> Iterator[Asked]:
    notes = [
        (r, text_of(r))
        for r in of(resources, "DocumentReference")
        if r.get("status") != "superseded"
    ]
    seen: dict[str, list[Resource]] = defaultdict(list)
    for note, text in notes:
        for word in set(re.findall(r"\w+", text.lower())):
            seen[word].append(note)
    for word, mine in sorted(seen.items()):
        if re.fullmatch(r"[a-z]{7,}", word) and len(mine) <= 5:
            yield "chart_notes", {"words": [word]}, mine


def given(resources: list[Resource]) -> Iterator[Asked]:
    found = of(resources, "MedicationAdministration")
    yield from listed("administrations", found)
    yield from named("administrations", found, "medicationCodeableConcept")
    days = sorted({local(when(r))[:10] for r in found})
    for day in days[-3:]:
        start = (datetime.fromisoformat(day) - timedelta(days=1)).date().isoformat()
        inside = [r for r in found if local(when(r)) >= start]
        yield "chart_section", {"section": "administrations", "since": start, "limit": 100}, inside


KINDS: dict[str, Callable[[list[Resource]], Iterator[Asked]]] = {
    "newest value of a test": newest_value,
    "extremes of a test": extremes,
    "values in a window": in_a_window,
    "all values of a test": all_of_a_test,
    "active problems": problems("active"),
    "resolved problems": problems("resolved"),
    "medicine orders, active": orders("active"),
    "medicine orders, not active": orders("stopped", "completed", "cancelled", "on-hold"),
    "medicine orders by name": orders_named,
    "allergies": allergies,
    "encounters in a year": encounters_in_a_year,
    "orders pending": waiting,
    "immunizations since": since("immunizations", "Immunization"),
    "immunizations by name": vaccines_named,
    "procedures since": since("procedures", "Procedure"),
    "procedures by name": procedures_named,
    "reports since": since("reports", "DiagnosticReport"),
    "notes with a word": notes_with,
    "medicines given": given,
}


# ---------------------------------------------------------------- what each record says


def said(resource: Resource) -> dict[str, str]:
    """Return what a record's answer has to say as it stands in the file: name, value, unit, dose, date, status."""
    concept = next(
        (
            resource[f]
            for f in ("code", "medicationCodeableConcept", "vaccineCode", "type")
            if f in resource
        ),
        None,
    )
    concept = concept[0] if isinstance(concept, list) else concept
    out = {"date": when(resource)}
    if resource["resourceType"] not in ("Condition", "AllergyIntolerance", "Observation"):
        out["status"] = str(resource.get("docStatus") or resource.get("status", ""))
    # A test has a short name here; its full name is in its source.
    if concept and resource["resourceType"] != "Observation":
        out["name"] = words(concept)
    quantity = resource.get("valueQuantity")
    if quantity:
        out |= {
            "value": str(quantity["value"]),
            "unit": str(quantity.get("unit") or quantity.get("code") or ""),
        }
    return out
