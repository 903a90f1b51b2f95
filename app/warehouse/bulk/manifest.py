"""The manifest of a finished export, as versions 2 to 4 write it.

Source: Bulk Data Access 3.0.0, output manifest; 4.0.0 (ballot) adds `outputFormat` and `manifestType`.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from app.warehouse.bulk.errors import ExportFailed

Kind = Literal["output", "deleted", "error"]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One file. `type` is missing where files are organized by something else; `count` is optional."""

    url: Annotated[str, msgspec.Meta(min_length=1)]
    type: str = ""
    count: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where the manifest goes on."""

    relation: str = ""
    url: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One page of the manifest; `error` and `deleted` may be left out or null."""

    transaction_time: Annotated[str, msgspec.Meta(min_length=1)]
    requires_access_token: bool
    output: tuple[Item, ...]
    request: str = ""
    output_organized_by: str = ""
    output_format: str = ""
    deleted: tuple[Item, ...] | None = None
    error: tuple[Item, ...] | None = None
    link: tuple[Link, ...] | None = None

    @property
    def files(self) -> int:
        """How many files it names."""
        return sum(map(len, (self.output, self.deleted or (), self.error or ())))

    def next(self) -> str:
        """Return the address of the next page, empty at the end."""
        return next((one.url for one in self.link or () if one.relation == "next"), "")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One file to download. `number` names it in the landing; `resource_type` is as the manifest says."""

    number: int
    kind: Kind
    url: str
    resource_type: str
    count: int | None
    bearer: bool

    @property
    def name(self) -> str:
        """The file's name in the landing: no part of it is the server's, but a type that is one."""
        kind = self.resource_type if self.resource_type.isalpha() else "mixed"
        return f"{self.number:06d}.{self.kind}.{kind[:64]}.ndjson.gz"


def read_manifest(sent: Any) -> Manifest:
    """Read one page.

    Raises:
        ExportFailed: it is not of the form that the specification gives it.
    """
    try:
        return msgspec.convert(sent, Manifest)
    except msgspec.ValidationError as error:
        raise ExportFailed(f"the manifest is not one: {error}") from error


def earliest(instants: Iterable[str]) -> str:
    """Return the first of instants in time, whatever zone and precision each is written in; one that cannot be read is earlier."""
    return min(instants, key=_moment, default="")


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def wanted_of(pages: list[Manifest]) -> tuple[Wanted, ...]:
    """Return every file that the pages name, each address once, in their order.

    Raises:
        ExportFailed: an address is not absolute.
    """
    found: dict[str, Wanted] = {}
    for page in pages:
        for kind, items in (("output", page.output), ("deleted", page.deleted), ("error", page.error)):  # fmt: skip
            for item in items or ():
                if not urlsplit(item.url).netloc:
                    raise ExportFailed("the manifest names a file without its whole address")
                if item.url not in found:
                    found[item.url] = Wanted(
                        number=len(found), kind=kind, url=item.url, resource_type=item.type,  # type: ignore[arg-type]  # one of the three above
                        count=item.count, bearer=page.requires_access_token,
                    )  # fmt: skip
    return tuple(found.values())
