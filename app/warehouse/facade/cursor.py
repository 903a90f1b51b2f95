"""Page links: sealed, so that nothing of a search is read from them, and bound to a snapshot and a patient."""

import base64
from typing import Any

import msgspec

from app.store.seal import Seal, SealBroken
from app.warehouse.facade.errors import FacadeRefused


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where a page begins: of which snapshot, which request (`path`, `params`), at which match, how many on it."""

    snapshot: int
    path: str
    params: tuple[tuple[str, str], ...]
    offset: int
    count: int


def written(seal: Seal, cursor: Cursor, patient: str) -> str:
    """Return a cursor as text for a link."""
    sealed = seal.close(msgspec.to_builtins(cursor), _place(patient))
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def read(seal: Seal, text: str, patient: str) -> Cursor:
    """Return the cursor of a link.

    Raises:
        FacadeRefused: it was not made here, or for another patient.
    """
    try:
        sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        found: Any = seal.open(sealed, _place(patient))
        return msgspec.convert(found, Cursor)
    except (ValueError, SealBroken, msgspec.ValidationError) as error:
        raise FacadeRefused("_page: this page link was not made here for this patient") from error


def _place(patient: str) -> str:
    return f"facade-page:{patient}"
