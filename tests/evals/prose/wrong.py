"""Ways in which a true sentence becomes a wrong one; every way changes what is meant, never only the spelling."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

from tests.evals.prose.chart import Order, Record, Result
from tests.evals.prose.fields import NUMBERS, STYLES, YEARLESS, Filling, cite

Change = Callable[[Filling, set[str], Random], Filling | None]

UNITS = {
    "mg/dL": ("mmol/L", "g/dL", "mg/L"), "mmol/L": ("mg/dL", "mg/L"), "%": ("mg/dL",), "g/dL": ("mg/dL", "g/L"), "kg": ("lb",),
    "mmHg": ("kPa",), "ng/L": ("ng/mL",), "pg/mL": ("ng/mL",), "°C": ("°F",), "U/L": ("mg/dL",), "cm": ("mm",),
    "mL/min/1.73 m²": ("mL/h",), "mIU/L": ("mIU/dL",), "10^3/µL": ("10^6/µL",), "mg": ("mcg", "g"),
}  # fmt: skip
FOREIGN = (
    "warfarin",
    "lisinopril",
    "gabapentin",
    "amiodarone",
    "sertraline",
    "empagliflozin",
    "torsemide",
    "rivaroxaban",
)
ROLES = {
    "collected": ("ordered", "given", "dispensed", "signed", "administered"), "measured": ("ordered", "dispensed", "prescribed"),
    "taken": ("dispensed", "ordered"), "ordered": ("started", "dispensed", "given", "administered", "filled"),
    "prescribed": ("started", "dispensed", "picked up", "given"), "requested": ("collected", "resulted", "drawn"),
    "signed": ("ordered", "collected", "dispensed"), "written": ("dispensed", "collected"),
}  # fmt: skip
OPPOSITE = {
    "rose": "fell", "increased": "decreased", "climbed": "dropped", "went up": "went down", "fell": "rose", "decreased": "increased",
    "dropped": "rose", "declined": "increased", "rise": "fall", "fall": "rise", "higher": "lower", "lower": "higher",
    "rising": "falling", "falling": "rising", "high": "low", "low": "high", "above": "below", "below": "above",
    "elevated": "low", "normal": "high", "H": "L", "L": "H", "before": "after", "after": "before",
    "preceded": "followed", "followed": "preceded", "left": "right", "right": "left", "woman": "man", "man": "woman",
    "female": "male", "male": "female",
}  # fmt: skip


def _digit(text: str, rng: Random) -> str:
    """Change one digit, or exchange two; never only a zero at the end."""
    for _ in range(20):
        digits = [i for i, c in enumerate(text) if c.isdigit()]
        at = rng.choice(digits)
        other = text[:at] + rng.choice("0123456789") + text[at + 1 :]
        if float(other) != float(text) and (len(other) < 2 or other[0] != "0" or "." in other[:2]):
            return other
    return f"{float(text) + 1:g}"


def value(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"value", "v1", "v2", "v3", "top", "bottom"})
    if not able:
        return None
    key = rng.choice(able)
    others = {f.words[k] for k in able}
    changed = _digit(f.words[key], rng)
    return None if changed in others else f.change(**{key: changed})


def unit(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = [k for k in sorted(keys & {"unit", "u1", "u2"}) if f.words[k] in UNITS]
    if not able:
        return None
    key = rng.choice(able)
    return f.change(**{key: rng.choice(UNITS[f.words[key]])})


def date(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & set(f.dates))
    if not able:
        return None
    key = rng.choice(able)
    days = (1, -1, 2, -3, 8, 31, -30) if f.style >= YEARLESS else (1, -1, 2, -3, 10, 31, -365, 365)
    moved = f.dates[key] + timedelta(days=rng.choice(days))
    clash = moved in f.dates.values() or (STYLES[f.style] == "%m/%d/%Y" and moved.day <= 12)
    return None if clash else replace(f, dates={**f.dates, key: moved})


def role(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"role", "ordered", "signed"})
    if not able or not keys & set(f.dates):
        return None
    return f.change(**{able[0]: rng.choice(ROLES[f.words[able[0]]])})


def _begins(o: Order) -> str:
    return o.name.casefold().split()[0]


def _plain(o: Order) -> bool:
    """Tell whether an order is of one medicine that a sentence can name."""
    return len(o.drug) > 3 and not o.name[0].isdigit() and "/" not in o.name


def drug_in(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    mine = f.facts[0] if f.facts else None
    if not keys & {"drug", "name"} or not isinstance(mine, Order):
        return None
    others = [o for o in f.chart.orders if _plain(o) and _begins(o) != _begins(mine)]
    other = rng.choice(others)
    return f.change(drug=other.drug, name=other.name)


def drug_out(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "drug" not in keys or not f.facts or not isinstance(f.facts[0], Order):
        return None
    return f.change(drug=rng.choice([d for d in FOREIGN if d not in f.chart.everything]))


def dose(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "dose" not in keys:
        return None
    amount, unit_ = f.words["dose"].split()
    other = rng.choice(
        [str(int(float(amount) * 2)), f"{float(amount) / 2:g}", f"{float(amount) * 10:g}"]
    )
    return f.change(dose=f"{other} {unit_}")


def often(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    rates = ("once daily", "twice daily", "three times daily", "every 6 hours", "once weekly")
    return (
        f.change(often=rng.choice([r for r in rates if r != f.words["often"]]))
        if "often" in keys
        else None
    )


def route(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return (
        f.change(route=rng.choice(("intravenous", "subcutaneous", "topical", "intramuscular")))
        if "route" in keys
        else None
    )


def order_status(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    ended = (
        ("resolved", "inactive")
        if f.kind == "problem"
        else ("stopped", "completed", "discontinued")
    )
    for key, others in (
        ("active", ended),
        ("stopped", ("active",)),
        ("completed", ("active", "stopped")),
        ("ostatus", ("on hold",)),
        ("resolved", ("active",)),
    ):
        if key in keys:
            return f.change(**{key: rng.choice(others)})
    return None


def result_status(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "status" not in keys:
        return None
    return f.change(
        status=rng.choice(
            [s for s in ("preliminary", "corrected", "final") if s != f.words["status"]]
        )
    )


NEGATED = {"was": "was not", "has": "does not have", "is": "is not"}


def negated(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & set(NEGATED))
    return f.change(**{able[0]: NEGATED[able[0]]}) if able else None


def affirmed(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    """Take the "no" or "not" out of a negative."""
    if "denied" in keys:
        return f.change(denied=rng.choice(("reported", "reports", "had")))
    if "no" in keys:
        return f.change(no="Evidence of")
    return f.change(**{"not": "indeed"}) if "not" in keys else None


def direction(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"rose", "rise", "higher", "rising"})
    return f.change(**{k: OPPOSITE[f.words[k]] for k in able}) if able else None


def flag(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"flag", "level", "elevated", "f1"})
    return f.change(**{k: OPPOSITE[f.words[k]] for k in able}) if able else None


def against_range(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return f.change(above=OPPOSITE[f.words["above"]]) if "above" in keys else None


def limits(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"low", "high"})
    if not able:
        return None
    key = rng.choice(able)
    return f.change(**{key: _digit(f.words[key], rng)})


def another(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    """Cite another record of the same kind."""
    mine = f.facts[0] if f.facts else None
    if "c" not in keys or len(f.facts) != 1 or mine is None:
        return None
    if isinstance(mine, Result):
        able = [r.ref for r in f.chart.results if _differs(r, mine)] if "value" in keys else []
    elif isinstance(mine, Order):
        able = [o.ref for o in f.chart.orders if _begins(o) != _begins(mine)]
    else:
        able = _others(f, mine)
    return f.change(c=cite(rng.choice(able))) if able else None


def _differs(one: Result, mine: Result) -> bool:
    return one.code == mine.code and one.day != mine.day and float(one.value) != float(mine.value)


def _others(f: Filling, mine: Record) -> list[str]:
    """Return the records of the same kind of which the sentence is not true."""
    if mine.kind == "pressure":
        said = (f.words["top"], f.words["bottom"])
        return [p.ref for p in f.chart.pressures if (p.top, p.bottom) != said]
    if mine.kind == "note":
        words = f.words.get("quote", f.words.get("thing", ""))
        notes = [n for n in f.chart.notes if n.text and n.who != mine.who]
        return [n.ref for n in notes if words not in " ".join(n.text.split())]
    pools = {
        "problem": f.chart.problems, "allergy": f.chart.allergies, "visit": f.chart.visits, "request": f.chart.requests,
    }  # fmt: skip
    return [r.ref for r in pools[mine.kind] if r.day != mine.day and r.name != mine.name]


def invented(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "c" not in keys or f.kind in ("several", "absent"):
        return None
    letter = {
        "one": "L",
        "trend": "L",
        "panel": "L",
        "pressure": "V",
        "order": "M",
        "allergy": "A",
        "problem": "P",
        "visit": "E",
        "note": "N",
    }.get(f.kind, "R")
    return f.change(c=cite(f"!{letter}{rng.randrange(900, 999)}{'a' if letter in 'LV' else ''}"))


def missing(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return f.change(c="\0") if "c" in keys and f.kind != "several" else None


def other_name(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if not keys & {"patient", "family"}:
        return None
    first, last = rng.choice((("Dorothy", "Halloran"), ("Walter", "Nakamura"), ("Marta", "Okafor")))
    return f.change(patient=f"{first} {last}", family=last)


def age(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return (
        f.change(age=str(int(f.words["age"]) + rng.choice((-20, -7, -1, 2, 9))))
        if "age" in keys
        else None
    )


def sex(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"sex", "female"})
    return f.change(**{k: OPPOSITE[f.words[k]] for k in able}) if able else None


SWAPS = {"no": "severe", "feels": "feeling", "well": "poorly", "follow-up": "admission", "daily": "rarely", "continued": "stopped", "since": "before",
         "never": "often", "currently": "formerly", "single": "married", "married": "widowed", "patient": "mother", "less": "more"}  # fmt: skip


def quote(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "quote" not in keys:
        return None
    words = f.words["quote"].split()
    able = [i for i, w in enumerate(words) if w.casefold() in SWAPS] or [
        i for i, w in enumerate(words) if len(w) > 4 and w.isalpha()
    ]
    if not able:
        return None
    at = rng.choice(able)
    words[at] = SWAPS.get(
        words[at].casefold(), rng.choice(("unlikely", "previous", "worsening", "mild"))
    )
    return f.change(quote=" ".join(words))


def author(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "who" not in keys:
        return None
    everybody = {r.who for r in (*f.chart.notes, *f.chart.visits)} | {o.who for o in f.chart.orders}
    others = sorted(
        w
        for w in everybody
        if w and w.split(",")[0].split()[-1] != f.words["who"].split(",")[0].split()[-1]
    )
    return f.change(who=rng.choice(others)) if others else None


def count(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    if "n" in keys or "digit" in keys:
        was = int(f.words["digit"])
        other = rng.choice([n for n in range(2, 8) if n != was])
        return f.change(n=NUMBERS[other], digit=str(other))
    able = sorted(keys & {"refills", "days"})
    if able:
        return f.change(**{able[0]: str(int(f.words[able[0]]) + rng.choice((1, 2, 30)))})
    return f.change(count=f.words["count"] + "+") if "count" in keys else None


def side(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    for key in ("problem", "test"):
        found = re.search(r"\b(left|right)\b", f.words.get(key, ""), re.IGNORECASE)
        if key in keys and found:
            words = f.words[key]
            return f.change(
                **{
                    key: words[: found.start()]
                    + OPPOSITE[found[0].casefold()]
                    + words[found.end() :]
                }
            )
    return None


PAIRS = {
    "potassium": "sodium",
    "K": "Na",
    "serum potassium": "serum sodium",
    "sodium": "potassium",
    "Na": "K",
    "serum sodium": "serum potassium",
}


def test(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"test", "test_long", "t1"})
    if not able:
        return None
    mine = next(r for r in f.facts if isinstance(r, Result))
    now = f.words[able[0]]
    shown = {w.casefold() for k, w in f.words.items() if k in ("t1", "t2", "t3")}
    others = sorted(
        {
            r.names[0]
            for r in f.chart.results
            if r.code != mine.code
            and r.names[0] != mine.names[0]
            and r.names[0].casefold() not in shown
            and not r.vital
        }
    )
    other = PAIRS.get(now) or (rng.choice(others) if others else None)
    return (
        f.change(**dict.fromkeys(able, other)) if other and other.casefold() not in shown else None
    )


def exchanged(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    """Give two tests of one sentence each other's number."""
    return (
        f.change(v1=f.words["v2"], v2=f.words["v1"]) if {"v1", "v2", "t1", "t2"} <= keys else None
    )


def copied(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    """Cite a passage of ten or more words at a later note that only repeats it."""
    if f.kind != "note" or not {"quote", "who", "date"} & keys or "quote" not in keys:
        return None
    for _ in range(10):
        late = rng.choice([n for n in f.chart.notes if n.text and n.day])
        for part in re.split(r"\n\s*\n", late.text):
            plain = [" ".join(s.split()) for s in part.split(". ")]
            for s in (one.rstrip(".") for one in plain):
                first = [
                    n
                    for n in f.chart.notes
                    if n.day and late.day and n.day < late.day and s in " ".join(n.text.split())
                ]
                if 11 <= len(s.split()) <= 20 and first and not any(m in s for m in '#“"(;'):
                    assert late.day
                    return replace(
                        f.change(
                            quote=s, who=late.who, note=late.name.casefold(), c=cite(late.ref)
                        ),
                        dates={"date": late.day},
                    )
    return None


def reaction(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return (
        f.change(
            reaction=rng.choice(
                [
                    r
                    for r in ("hives", "angioedema", "nausea", "rash", "anaphylaxis")
                    if r != f.words["reaction"]
                ]
            )
        )
        if "reaction" in keys
        else None
    )


def grave(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return f.change(grave=OPPOSITE[f.words["grave"]]) if "grave" in keys else None


def substance(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return (
        f.change(substance=rng.choice(("latex", "codeine", "aspirin")))
        if "substance" in keys
        else None
    )


def relative(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    who = rng.choice(("mother", "brother", "father", "sister"))
    if "her" in keys:
        return f.change(her=f"{f.words['her']} {who}'s")
    if "Her" in keys:
        return f.change(Her=f"{f.words['Her']} {who}'s")
    return f.change(She=f"{f.words['Her']} {who}") if "She" in keys else None


def doubt(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    return (
        f.change(sure=rng.choice(("possible", "suspected", "unconfirmed")))
        if "sure" in keys
        else None
    )


def chronology(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    able = sorted(keys & {"before", "after", "preceded"})
    return f.change(**{k: OPPOSITE[f.words[k]] for k in able}) if able else None


def site(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    others = sorted({v.site for v in f.chart.visits if v.site and v.site != f.words.get("site")})
    return f.change(site=rng.choice(others)) if "site" in keys and others else None


def patient_value(f: Filling, keys: set[str], rng: Random) -> Filling | None:
    """Call a value of this patient general knowledge."""
    if f.kind != "general" or not f.words["unit"]:
        return None
    return f.change(
        tail=f", as with {f.words['her']} {f.words['test']} of {f.words['value']} {f.words['unit']}"
    )


WAYS: Mapping[str, Change] = {
    "value": value, "unit": unit, "date": date, "role": role, "drug of the chart": drug_in, "drug from outside": drug_out,
    "dose": dose, "frequency": often, "route": route, "order status": order_status, "result status": result_status,
    "negation put in": negated, "negation taken out": affirmed, "direction": direction, "flag": flag, "against the range": against_range,
    "range": limits, "another record": another, "invented handle": invented, "no citation": missing, "name": other_name, "age": age,
    "sex": sex, "quotation": quote, "author": author, "count": count, "side": side, "test": test, "values exchanged": exchanged,
    "copied forward": copied, "reaction": reaction, "criticality": grave, "substance": substance, "relative": relative, "certainty": doubt,
    "chronology": chronology, "site": site, "patient value as general": patient_value,
}  # fmt: skip
