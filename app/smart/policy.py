"""The tables of a registration that say what the site allows: who it is, and which language models may be used.

Values only. What is not named is not allowed; an unknown key is an error, so that a typing mistake never goes unnoticed.
"""

from typing import Annotated

import msgspec

ANY_MODEL = "*"


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A TOML table."""


class Coding(Table, frozen=True, kw_only=True):
    """A code in its system; an entry without its system would match a stranger's code."""

    system: Annotated[str, msgspec.Meta(min_length=1)]
    code: Annotated[str, msgspec.Meta(min_length=1)]


class Site(Table, frozen=True, kw_only=True):
    """`[site]`: the place, the clock on its walls, and whom its people call.

    `organisation` is who answers for it, where that is not `name`. `safety_contact` is for harm and near misses, `downtime`
    what clinicians are told to do when the EHR cannot be read. Chartside speaks English: `locale` says which.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    time_zone: str
    help_desk: Annotated[str, msgspec.Meta(min_length=1)]
    organisation: str = ""
    safety_contact: str = ""
    downtime: Annotated[str, msgspec.Meta(max_length=400)] = ""
    locale: Annotated[str, msgspec.Meta(pattern=r"^en(-[A-Z]{2})?$")] = "en-US"


class Models(Table, frozen=True, kw_only=True):
    """`[models]`: the language models of this EHR's launches; without it there are none.

    `allowed` names them by id (`*`: all, sandbox only), `default` the one used first ("": the first allowed one).
    A model without an agreement (`baa`) that is not `local` reads no real chart unless `phi_without_baa` names it.
    A patient whose `meta.tag` or `meta.security`, or whose active Flag, carries a code of `opt_out` gets none.
    """

    allowed: tuple[str, ...] = ()
    default: str = ""
    phi_without_baa: tuple[str, ...] = ()
    opt_out: tuple[Coding, ...] = ()
