"""Which elements a FHIR R4 type has, of which type, and whether they repeat: fhirclient's classes, read as data.

Read when a view is compiled, never when it runs.

Source: https://hl7.org/fhir/R4/ through fhirclient's generated models
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any

from app.errors import ViewRefused

# Primitive types by what SQL makes of them. A date may be partial (2020-05), so dates stay text.
TEXT = frozenset((
    "base64Binary", "canonical", "code", "id", "markdown", "oid", "string", "uri", "url", "uuid", "xhtml",
))  # fmt: skip
WHOLE = frozenset(("integer", "positiveInt", "unsignedInt"))
KINDS = (
    dict.fromkeys(TEXT, "text")
    | dict.fromkeys(WHOLE, "integer")
    | {
        "boolean": "boolean",
        "decimal": "decimal",
        "date": "date",
        "dateTime": "dateTime",
        "instant": "dateTime",
        "time": "time",
        "nothing": "nothing",
    }
)
PYTHON = {
    "str": "string", "bool": "boolean", "int": "integer", "float": "decimal", "FHIRDate": "date",
    "FHIRDateTime": "dateTime", "FHIRInstant": "instant", "FHIRTime": "time",
}  # fmt: skip
NAME = re.compile(r"[A-Z][A-Za-z]{1,60}")


@dataclass(frozen=True)
class FhirType:
    """A type by its FHIR name; `model` is fhirclient's class, None for a primitive."""

    name: str
    model: Any = None

    @property
    def kind(self) -> str:
        """What SQL makes of it: text, integer, decimal, boolean, date, dateTime, time, nothing; or `complex`."""
        return "complex" if self.model else KINDS[self.name]


@dataclass(frozen=True)
class Element:
    """An element as it stands in JSON: `name` is `valueQuantity`, `choice` then `value`."""

    name: str
    type: FhirType
    many: bool
    choice: str = ""


def resource_type(name: object) -> FhirType:
    """Return the type of a resource.

    Raises:
        ViewRefused: FHIR R4 has no such resource.
    """
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise ViewRefused(f"resource {str(name)[:60]!r} is no resource type")
    try:
        model = getattr(import_module(f"fhirclient.models.{name.lower()}"), name)
        base = import_module("fhirclient.models.resource").Resource
    except (ModuleNotFoundError, AttributeError) as error:
        raise ViewRefused(f"resource {name!r} is not in FHIR R4") from error
    if not issubclass(model, base):
        raise ViewRefused(f"resource {name!r} is a data type, not a resource")
    return FhirType(name, model)


@lru_cache(maxsize=512)
def elements(of: FhirType) -> dict[str, Element]:
    """Return the elements of a complex type by their JSON name."""
    found = {}
    for _, name, model, many, choice, _ in of.model().elementProperties():
        primitive = PYTHON.get(model.__name__)
        if primitive == "string" and choice:
            # valueUri, valueCode …: Python has one str for all of them.
            suffix = name.removeprefix(choice)
            primitive = suffix[0].lower() + suffix[1:]
        if primitive == "integer" and choice:
            suffix = name.removeprefix(choice)
            primitive = suffix[0].lower() + suffix[1:]
        kind = FhirType(primitive) if primitive else FhirType(model.resource_type, model)
        found[name] = Element(name, kind, many, choice or "")
    return found


def element(of: FhirType, name: str) -> Element | tuple[Element, ...]:
    """Return an element, or for a choice (`value`) all that it may be.

    Raises:
        ViewRefused: the type has no such element.
    """
    known = elements(of)
    if name in known and not known[name].choice:
        return known[name]
    if choices := tuple(one for one in known.values() if one.choice == name):
        return choices
    if name in known:
        plain = known[name]
        raise ViewRefused(
            f"{of.name}.{name}: FHIRPath writes {plain.choice}.ofType({plain.type.name})"
        )
    raise ViewRefused(f"{of.name} has no element {name!r} in FHIR R4")
