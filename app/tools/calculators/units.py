"""Convert a quantity between two UCUM codes by the table of `units.toml`, and say what was done.

A unit is its UCUM code, never its display: a quantity without a code is not computed with. What is not in the table
is not converted.
"""

import tomllib
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources

from app.errors import ChartsideError

# How codes are printed; every other code is printed as it is.
PRINTED = {
    "mm[Hg]": "mmHg", "Cel": "°C", "[degF]": "°F", "10*3/uL": "×10³/µL", "10*9/L": "×10⁹/L", "/min": "/min",
    "mL/min/{1.73_m2}": "mL/min/1.73 m²", "kg/m2": "kg/m²", "m2": "m²", "umol/L": "µmol/L", "[lb_av]": "lb",
    "[in_i]": "in", "{INR}": "", "1": "", "{score}": "points", "h": "hours", "wk": "weeks", "d": "days", "a": "years",
    "mg/kg/d": "mg/kg/day", "{MME}/d": "MME/day", "meq/L": "mEq/L", "ug": "mcg",
}  # fmt: skip
# How units are typed by people, to their codes.
TYPED = {
    "kg": "kg", "kgs": "kg", "g": "g", "lb": "[lb_av]", "lbs": "[lb_av]", "pounds": "[lb_av]", "cm": "cm", "m": "m", "in": "[in_i]",
    "inches": "[in_i]", "ft": "[ft_i]", "mg/dl": "mg/dL", "umol/l": "umol/L", "µmol/l": "umol/L", "mmol/l": "mmol/L", "meq/l": "meq/L",
    "g/dl": "g/dL", "g/l": "g/L", "mmhg": "mm[Hg]", "bpm": "/min", "/min": "/min", "ms": "ms", "msec": "ms", "s": "s", "sec": "s",
    "%": "%", "u/l": "U/L", "c": "Cel", "°c": "Cel", "f": "[degF]", "°f": "[degF]", "weeks": "wk", "week": "wk", "wk": "wk", "mg": "mg",
    "10*3/ul": "10*3/uL", "k/ul": "10*3/uL", "10*9/l": "10*9/L", "years": "a", "days": "d",
}  # fmt: skip
DIGITS = 6


class NoConversion(ChartsideError):
    """The table has no factor between two units."""

    code = "calculator.no_conversion"
    status = 422
    public = "These units are not converted here."


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """A number with its UCUM code."""

    value: Decimal
    unit: str


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A quantity in the unit that was asked for; `said` is "113 µmol/L = 1.28 mg/dL", empty where nothing was changed."""

    value: Decimal
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Factor:
    """One line of the table."""

    substance: str
    by: Decimal
    minus: Decimal


@dataclass(frozen=True)
class Table:
    """The whole table: codes of the same amount, and factors by their two codes."""

    same: tuple[frozenset[str], ...]
    factors: dict[tuple[str, str], tuple[Factor, ...]]

    def is_same(self, one: str, other: str) -> bool:
        """Tell whether two codes mean the same amount."""
        return one == other or any(one in group and other in group for group in self.same)


def convert(quantity: Quantity, unit: str, substance: str = "") -> Converted:
    """Return a quantity in `unit`; `substance` names the analyte for a factor that is a molar mass.

    Raises:
        NoConversion: the table has no factor for these codes and this analyte.
    """
    table = load()
    if table.is_same(quantity.unit, unit):
        return Converted(value=quantity.value)
    for factor in table.factors.get((quantity.unit, unit), ()):
        if factor.substance in ("", substance):
            value = (quantity.value - factor.minus) * factor.by
            said = (
                f"{plain(quantity.value)} {printed(quantity.unit)} = {brief(value)} {printed(unit)}"
            )
            return Converted(value=value, said=said)
    raise NoConversion(f"{quantity.unit!r} to {unit!r} {substance}")


def printed(code: str) -> str:
    """Return how a code is printed."""
    return PRINTED.get(code, code)


def plain(value: Decimal) -> str:
    """Print a number without an exponent and without zeros behind the point that nobody sent."""
    return f"{value:f}"


def brief(value: Decimal) -> str:
    """Print a converted number to three decimal places at most."""
    return f"{value.quantize(Decimal('0.001')).normalize():f}"


@cache
def load() -> Table:
    """Read the table that comes with the application; it never changes while the process runs."""
    sent = tomllib.loads(
        (resources.files("app.tools.calculators") / "units.toml").read_text("utf-8")
    )
    factors: dict[tuple[str, str], tuple[Factor, ...]] = {}
    for part in sent["factor"]:
        one = Factor(
            substance=part.get("substance", ""),
            by=Decimal(part["by"]),
            minus=Decimal(part.get("minus", "0")),
        )
        pair = (part["from"], part["to"])
        factors[pair] = (*factors.get(pair, ()), one)
    return Table(same=tuple(frozenset(group) for group in sent["same"]), factors=factors)
