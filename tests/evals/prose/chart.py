"""What a chart file says, read by plain loops over its raw FHIR; shares nothing with the product."""

import base64
import gzip
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

Resource = dict[str, Any]

CHARTS = Path(__file__).resolve().parents[3] / "sandbox" / "charts"
ZONE = ZoneInfo("America/Chicago")
STANDS = ("final", "corrected", "amended", "preliminary")

# How a model writes a test, by LOINC code. What is not listed is not spoken of.
SPOKEN: Mapping[str, tuple[str, ...]] = {
    "2823-3": ("potassium", "K", "serum potassium"), "6298-4": ("potassium", "K", "serum potassium"),
    "2160-0": ("creatinine", "Cr", "serum creatinine"), "38483-4": ("creatinine", "Cr", "serum creatinine"),
    "98979-8": ("eGFR", "eGFR", "estimated GFR"), "33914-3": ("eGFR", "eGFR", "estimated GFR"),
    "3094-0": ("BUN", "BUN", "blood urea nitrogen"), "6299-2": ("BUN", "BUN", "blood urea nitrogen"),
    "2951-2": ("sodium", "Na", "serum sodium"), "2947-0": ("sodium", "Na", "serum sodium"),
    "2075-0": ("chloride", "chloride", "chloride"), "2069-3": ("chloride", "chloride", "chloride"),
    "2345-7": ("glucose", "glucose", "blood glucose"), "2339-0": ("glucose", "glucose", "blood glucose"),
    "4548-4": ("hemoglobin A1c", "A1c", "HbA1c"), "17861-6": ("calcium", "calcium", "serum calcium"),
    "49765-1": ("calcium", "calcium", "serum calcium"), "718-7": ("hemoglobin", "Hgb", "hemoglobin"),
    "4544-3": ("hematocrit", "Hct", "hematocrit"), "6690-2": ("white blood cell count", "WBC", "WBC"),
    "777-3": ("platelet count", "platelets", "platelet count"), "2571-8": ("triglycerides", "triglycerides", "triglycerides"),
    "2093-3": ("total cholesterol", "total cholesterol", "total cholesterol"), "2085-9": ("HDL cholesterol", "HDL", "HDL"),
    "13457-7": ("LDL cholesterol", "LDL", "LDL"), "18262-6": ("LDL cholesterol", "LDL", "LDL"),
    "1742-6": ("ALT", "ALT", "alanine aminotransferase"), "1920-8": ("AST", "AST", "aspartate aminotransferase"),
    "3016-3": ("TSH", "TSH", "TSH"), "89579-7": ("troponin I", "troponin", "high-sensitivity troponin I"),
    "8867-4": ("heart rate", "HR", "pulse"), "8310-5": ("temperature", "temp", "temperature"),
    "2708-6": ("oxygen saturation", "SpO2", "oxygen saturation"), "9279-1": ("respiratory rate", "respiratory rate", "respiratory rate"),
    "29463-7": ("weight", "weight", "body weight"), "39156-5": ("BMI", "BMI", "body mass index"),
    "2132-9": ("vitamin B12", "B12", "vitamin B12"), "6301-6": ("INR", "INR", "INR"), "1751-7": ("albumin", "albumin", "serum albumin"),
    "79892-6": ("right eye intraocular pressure",) * 3, "79893-4": ("left eye intraocular pressure",) * 3,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Result:
    """One number of one Observation."""

    ref: str
    code: str
    value: str
    unit: str
    day: date
    clock: str
    issued: date | None
    flag: str
    low: str
    high: str
    status: str
    vital: bool

    @property
    def names(self) -> tuple[str, ...]:
        return SPOKEN[self.code]


@dataclass(frozen=True, kw_only=True)
class Pressure:
    """A blood pressure."""

    ref: str
    top: str
    bottom: str
    day: date


@dataclass(frozen=True, kw_only=True)
class Order:
    """A MedicationRequest."""

    ref: str
    name: str
    drug: str
    dose: str
    unit: str
    often: str
    route: str
    day: date
    status: str
    who: str
    refills: str
    days: str
    why: str
    stopped_for: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """A problem, an allergy, a visit, a note, a requested test or a report: what it is called, and what else it says."""

    ref: str
    kind: str
    name: str
    day: date | None
    status: str
    who: str = ""
    site: str = ""
    more: str = ""
    grave: str = ""
    recorded: date | None = None
    text: str = ""


def text(concept: Resource | None) -> str:
    """Return the words of a CodeableConcept."""
    sent = concept or {}
    return str(
        sent.get("text")
        or next((c["display"] for c in sent.get("coding", []) if "display" in c), "")
    )


def _code(concept: Resource | None) -> str:
    return str(((concept or {}).get("coding") or [{}])[0].get("code", ""))


def _moment(sent: str) -> datetime:
    return datetime.fromisoformat(sent).astimezone(ZONE)


def _day(sent: object) -> date | None:
    plain = str(sent or "")
    if "T" in plain:
        return _moment(plain).date()
    return date.fromisoformat(plain) if len(plain) == 10 else None


def _who(person: Resource | None) -> str:
    return str((person or {}).get("display", ""))


class ChartFile:
    """The facts of one chart. `citable` are the references that a model was given a handle for."""

    def __init__(self, name: str, citable: frozenset[str]) -> None:
        self.name = name
        self._citable = citable
        with gzip.open(CHARTS / name / "chart.ndjson.gz", "rt", encoding="utf-8") as lines:
            self._all: list[Resource] = [
                json.loads(x, parse_float=str, parse_int=str) for x in lines
            ]
        told = json.loads((CHARTS / name / "manifest.json").read_text("utf-8"))
        self.today = _moment(told["as_of"]).date()

    def _of(self, kind: str) -> list[Resource]:
        return [
            r
            for r in self._all
            if r["resourceType"] == kind and f"{kind}/{r['id']}" in self._citable
        ]

    @cached_property
    def patient(self) -> Resource:
        return next(r for r in self._all if r["resourceType"] == "Patient")

    @cached_property
    def everything(self) -> str:
        """Return all words of the chart, in lower case, to tell what does not stand in it."""
        notes = " ".join(n.text for n in self.notes)
        return f"{json.dumps(self._all)} {notes}".casefold()

    @cached_property
    def results(self) -> list[Result]:
        found = []
        for r in self._of("Observation"):
            code = next((c["code"] for c in r["code"].get("coding", []) if c["code"] in SPOKEN), "")
            sent, when = r.get("valueQuantity"), str(r.get("effectiveDateTime", ""))
            if (
                not code
                or not sent
                or "comparator" in sent
                or "T" not in when
                or r["status"] not in STANDS
            ):
                continue
            limits = (r.get("referenceRange") or [{}])[0]
            moment = _moment(when)
            found.append(
                Result(
                    ref=f"Observation/{r['id']}", code=code, value=_shown(str(sent["value"])), unit=_unit(str(sent.get("unit", ""))),
                    day=moment.date(), clock=moment.strftime("%H:%M"), issued=_day(r.get("issued")),
                    flag=_code((r.get("interpretation") or [{}])[0]), low=str(limits.get("low", {}).get("value", "")),
                    high=str(limits.get("high", {}).get("value", "")), status=r["status"],
                    vital=_code((r.get("category") or [{}])[0]) == "vital-signs",
                )
            )  # fmt: skip
        return [r for r in found if r.day >= self.today.replace(year=self.today.year - 12)]

    @cached_property
    def pressures(self) -> list[Pressure]:
        found = []
        for r in self._of("Observation"):
            parts = {
                _code(c["code"]): str(c.get("valueQuantity", {}).get("value", ""))
                for c in r.get("component", [])
            }
            top, bottom = parts.get("8480-6"), parts.get("8462-4")
            if top and bottom:
                when = _moment(r["effectiveDateTime"]).date()
                found.append(
                    Pressure(ref=f"Observation/{r['id']}", top=top, bottom=bottom, day=when)
                )
        return found

    @cached_property
    def orders(self) -> list[Order]:
        return [self._order(r) for r in self._of("MedicationRequest")]

    def _order(self, r: Resource) -> Order:
        said = (r.get("dosageInstruction") or [{}])[0]
        dose = ((said.get("doseAndRate") or [{}])[0]).get("doseQuantity") or {}
        repeat = (said.get("timing") or {}).get("repeat") or {}
        supply = r.get("dispenseRequest") or {}
        name = text(r["medicationCodeableConcept"])
        words = name.split()
        stop = next((i for i, w in enumerate(words) if w[0].isdigit()), len(words))
        return Order(
            ref=f"MedicationRequest/{r['id']}", name=name, drug=" ".join(words[:stop]), dose=str(dose.get("value", "")),
            unit=str(dose.get("unit", "")), often=_often(repeat), route=text(said.get("route")).casefold(),
            day=_moment(r["authoredOn"]).date(), status=r["status"], who=_who(r.get("requester")),
            refills=str(supply.get("numberOfRepeatsAllowed", "")),
            days=str((supply.get("expectedSupplyDuration") or {}).get("value", "")),
            why=text((r.get("reasonCode") or [None])[0]), stopped_for=text(r.get("statusReason")),
        )  # fmt: skip

    @cached_property
    def problems(self) -> list[Record]:
        return [
            Record(
                ref=f"Condition/{r['id']}", kind="problem", name=text(r["code"]), day=_day(r.get("onsetDateTime")),
                status=_code(r.get("clinicalStatus")), who=_who(r.get("recorder")), recorded=_day(r.get("recordedDate")),
            )
            for r in self._of("Condition")
        ]  # fmt: skip

    @cached_property
    def allergies(self) -> list[Record]:
        return [
            Record(
                ref=f"AllergyIntolerance/{r['id']}", kind="allergy", name=text(r["code"]), day=_day(r.get("recordedDate")),
                status=_code(r.get("clinicalStatus")), who=_who(r.get("recorder")), grave=str(r.get("criticality", "")),
                more=next((text(m) for x in r.get("reaction", []) for m in x["manifestation"]), ""),
            )
            for r in self._of("AllergyIntolerance")
        ]  # fmt: skip

    @cached_property
    def visits(self) -> list[Record]:
        return [
            Record(
                ref=f"Encounter/{r['id']}", kind="visit", name=text((r.get("type") or [None])[0]),
                day=_day(r["period"]["start"]), status=r["status"],
                who=next((_who(p.get("individual")) for p in r.get("participant", [])), ""),
                site=next((_who(p.get("location")) for p in r.get("location", [])), ""),
                more=text((r.get("reasonCode") or [None])[0]),
            )
            for r in self._of("Encounter")
        ]  # fmt: skip

    @cached_property
    def notes(self) -> list[Record]:
        return [
            Record(
                ref=f"DocumentReference/{r['id']}", kind="note", name=text(r["type"]), day=_day(r.get("date")),
                status=str(r.get("docStatus", "")), who=next((_who(a) for a in r.get("author", [])), ""),
                text=_words(r), more=str(r.get("description", "")),
            )
            for r in self._of("DocumentReference")
        ]  # fmt: skip

    @cached_property
    def requests(self) -> list[Record]:
        return [
            Record(
                ref=f"ServiceRequest/{r['id']}", kind="request", name=text(r["code"]), day=_day(r["authoredOn"]),
                status=r["status"], who=_who(r.get("requester")),
            )
            for r in self._of("ServiceRequest")
        ]  # fmt: skip


def _shown(sent: str) -> str:
    """Return what a model is shown of a number: 4 significant digits of one with more than 6."""
    if len(sent.replace(".", "").lstrip("0")) <= 6 or "." not in sent:
        return sent
    return f"{float(sent):.4g}"


def _unit(sent: str) -> str:
    plain = {
        "mm[Hg]": "mmHg",
        "10*3/uL": "10^3/µL",
        "[degF]": "°F",
        "Cel": "°C",
        "mL/min/{1.73_m2}": "mL/min/1.73 m²",
    }
    return "" if sent.startswith("{") and sent.endswith("}") else plain.get(sent, sent)


def _often(repeat: Resource) -> str:
    """Say a frequency as a model would; empty where it is none of the usual ones."""
    told = (repeat.get("frequency"), repeat.get("period"), repeat.get("periodUnit"))
    often = {("1", "1", "d"): "once daily", ("2", "1", "d"): "twice daily", ("3", "1", "d"): "three times daily",
             ("4", "1", "d"): "four times daily"}  # fmt: skip
    return often.get((str(told[0]), str(told[1]), str(told[2])), "")


def _words(document: Resource) -> str:
    for content in document.get("content", []):
        attached = content["attachment"]
        if str(attached.get("contentType", "")).startswith("text/plain") and "data" in attached:
            return base64.b64decode(attached["data"]).decode()
    return ""
