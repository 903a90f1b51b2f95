"""Draw sentences from templates: right ones over all kinds, wrong ones over all ways. The same seed draws the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from string import Formatter

from tests.evals.prose.chart import ChartFile
from tests.evals.prose.fields import KINDS, Filling
from tests.evals.prose.wrong import WAYS

Templates = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """One sentence; `[[ref;ref]]` stands where it cites. `way` is "" for a right one."""

    chart: str
    kind: str
    way: str
    text: str


def keys(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def render(template: str, filling: Filling) -> str:
    text = template.format(**{"tail": "", **filling.all()}).replace(" \0", "").replace("\0", "")
    body = text.lstrip("-*• 0123456789.")
    at = len(text) - len(body)
    plain = body[:1].islower() and not body.startswith(("eGFR", "pH"))
    return text[:at] + (body[:1].upper() if plain else body[:1]) + body[1:]


def fill(chart: ChartFile, kind: str, template: str, rng: Random) -> Filling | None:
    """Return words for a template; None where this chart has none."""
    for _ in range(60):
        found = KINDS[kind](chart, rng)
        if found and keys(template) - {"tail"} <= set(found.all()):
            return found
    return None


def right(
    charts: Sequence[ChartFile], templates: Templates, many: int, rng: Random
) -> list[Spoken]:
    """Return true sentences, every template in turn, charts in turn."""
    flat = [(kind, t) for kind, listed in templates.items() for t in listed]
    found: dict[str, Spoken] = {}
    turn = 0
    while len(found) < many and turn < many * 20:
        kind, template = flat[turn % len(flat)]
        chart = charts[(turn + turn // len(flat)) % len(charts)]
        turn += 1
        if filling := fill(chart, kind, template, rng):
            text = render(template, filling)
            found.setdefault(text, Spoken(chart=chart.name, kind=kind, way="", text=text))
    return list(found.values())


def wrong(
    charts: Sequence[ChartFile], templates: Templates, many: int, rng: Random
) -> list[Spoken]:
    """Return wrong sentences, every way in turn; a wrong one is never also a right one of the same words."""
    flat = [(kind, t) for kind, listed in templates.items() for t in listed]
    found: dict[str, Spoken] = {}
    turn = 0
    while len(found) < many and turn < many * 20:
        way = list(WAYS)[turn % len(WAYS)]
        turn += 1
        spoken = _spoil(charts, flat, way, rng)
        if spoken:
            found.setdefault(spoken.text, spoken)
    return list(found.values())


def _spoil(
    charts: Sequence[ChartFile], flat: Sequence[tuple[str, str]], way: str, rng: Random
) -> Spoken | None:
    for _ in range(200):
        kind, template = rng.choice(flat)
        chart = rng.choice(charts)
        filling = fill(chart, kind, template, rng)
        changed = WAYS[way](filling, keys(template), rng) if filling else None
        if filling and changed:
            text = render(template, changed)
            if text != render(template, filling):
                return Spoken(chart=chart.name, kind=kind, way=way, text=text)
    return None
