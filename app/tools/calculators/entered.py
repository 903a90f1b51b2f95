"""Read what a user typed for a calculator: "weight=72 kg", "confusion=yes".

Only what stands in the user's own words counts. A language model passes these on; a value that the user never typed
would be the model's invention, and is refused.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from app.errors import ToolRefused
from app.llm.synonyms import contains, forms
from app.tools.bounds import as_data
from app.tools.calculators.units import TYPED, Quantity

PAIR = re.compile(r"\s*([A-Za-z][\w ,'-]{0,60}?)\s*[=:]\s*(.{1,40}?)\s*")
NUMBER = re.compile(r"(\d{1,6}(?:\.\d{1,4})?)\s*(\S+)?")
YES, NO = ("yes", "y", "true", "present"), ("no", "n", "false", "absent", "none")
# The user says that something is not so.
DENIED = r"\b(?:no|not|without|denies|absent|negative for)\s(?:\w+\s){{0,2}}{0}\b|\b{0}\b\s*(?:[=:]|is|was)?\s*(?:no|absent|none)\b"
# Words of a name that a user need not have typed.
SMALL = frozenset(("or", "of", "the", "a", "than", "and"))


@dataclass(frozen=True, kw_only=True)
class Entered:
    """One value as typed: a quantity with its UCUM code, or yes or no."""

    text: str
    quantity: Quantity | None = None
    yes: bool | None = None


def entered(pairs: Iterable[str], typed: str) -> dict[str, Entered]:
    """Return the typed values by name.

    Raises:
        ToolRefused: not "name=value", or not in the words that the user typed.
    """
    found: dict[str, Entered] = {}
    for pair in pairs:
        match = PAIR.fullmatch(pair)
        if match is None:
            raise ToolRefused(
                "an entered value is written name=value, as weight=72 kg or confusion=yes"
            )
        name, text = " ".join(match[1].casefold().split()), as_data(match[2])
        value = _value(text)
        if not _typed(name, value, text, typed):
            raise ToolRefused(f"{as_data(pair)} was not typed by the user; ask, or leave it out")
        found[name] = value
    return found


def _value(text: str) -> Entered:
    plain = text.casefold()
    if plain in YES or plain in NO:
        return Entered(text=text, yes=plain in YES)
    match = NUMBER.fullmatch(text)
    if match is None:
        return Entered(text=text)
    unit = TYPED.get((match[2] or "").casefold(), "" if match[2] else "1")
    return Entered(
        text=text, quantity=Quantity(value=Decimal(match[1]), unit=unit) if unit else None
    )


def _typed(name: str, value: Entered, text: str, typed: str) -> bool:
    number = NUMBER.match(text)
    if number is not None:
        return bool(re.search(rf"(?<![\d.]){re.escape(number[1])}(?![\d]|\.\d)", typed))
    if value.yes is None:
        return contains(typed, text)
    words = [
        form for word in re.findall(r"\w{3,}", name) if word not in SMALL for form in forms(word)
    ]
    named = [word for word in words if contains(typed, word)]
    denied = any(re.search(DENIED.format(re.escape(word)), typed, re.IGNORECASE) for word in named)
    return bool(named) and denied is not value.yes
