"""Read what a Bundle says of its pages, as servers write it rather than as they should.

Source: https://hl7.org/fhir/R4/bundle.html, https://hl7.org/fhir/R4/http.html#paging
"""

from typing import Any

from app.fhir.source import Query, Resource

# Sizes that servers cut their pages to. One that is full, alone and without a total may have been the first of many.
PAGE_SIZES = frozenset((10, 20, 25, 30, 40, *range(50, 1_001, 50)))


def whole_number(sent: Any) -> int | None:
    """Return a total, also one that is sent as text or as a decimal; None where it says nothing."""
    digits = str(sent).removesuffix(".0")
    is_one = not isinstance(sent, bool) and digits.isascii() and digits.isdigit()
    return int(digits) if is_one and len(digits) < 10 else None


def may_be_cut(n: int, query: Query) -> bool:
    """Tell whether a page that is alone and without a total is as full as a first page of many would be."""
    return n in PAGE_SIZES or str(n) == dict(query.params).get("_count")


def is_next(link: Resource) -> bool:
    """Tell whether a link says that there are more pages."""
    return str(link.get("relation") or "").lower() == "next"
