"""The sign-in of one host for one launch, from the authorization request to the last refresh token, each step counting once.

Stages: `ehr` (its secret is the state at the EHR), `consent` (the cookie of the page that asks), `code`, `live` (the refresh token).
Codes and refresh tokens name their grant, so that one that is used a second time ends it (OAuth 2.1, 4.1.3 and 4.3.1). That it was one of
ours is told by a mark in it: a made-up one, by somebody who has seen no more than a grant's id in an address, ends nothing. Secrets are kept as
SHA-256; what was asked is sealed to its grant.

Source: OAuth 2.1 (draft-ietf-oauth-v2-1), 4.1 and 4.3
"""

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

import msgspec

from app.mcp.errors import OAuthRefused
from app.settings import Secret
from app.smart.session import digest, same
from app.store.grants import GrantRow
from app.store.ports import GrantStore
from app.store.seal import Seal, SealBroken, opaque

Stage = Literal["ehr", "consent", "code", "live"]
EHR_S, CONSENT_S, CODE_S = 600.0, 300.0, 60.0
# A launch ends before that, and its grant with it.
MOST_LIFE_S = 86_400.0
NUMBERING_S = 30 * 86_400.0
# Characters of a secret: what is random in it, and the mark.
RANDOM, MARK = 32, 16


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a host asked for; `name` and `origin` are what the user is shown of it."""

    slug: str
    client_id: str
    host: str
    name: str
    origin: str
    redirect_uri: str
    state: str
    code_challenge: str
    scope: str


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A sign-in at one stage, with what was asked."""

    row: GrantRow = field(repr=False)
    asked: Asked

    @property
    def grant_id(self) -> str:
        """What access tokens call it."""
        return self.row.grant_id

    @property
    def launch_id(self) -> str:
        """The launch that it is for, "" before there is one."""
        return self.row.launch_id


class Grants:
    """Keeps them. `end_launch(launch_id, by)` ends the launch of one that is taken back: it has no other use."""

    def __init__(
        self,
        rows: GrantStore,
        key: Secret,
        clock: Callable[[], datetime],
        end_launch: Callable[[str, str], None],
    ) -> None:
        self._rows = rows
        self._key = key
        self._seal = Seal(key, "host-grant")
        self._clock = clock
        self._end_launch = end_launch

    def begin(self, asked: Asked, state: str) -> bool:
        """Keep a request that now goes to the EHR with `state`; False when too many wait."""
        grant_id = secrets.token_urlsafe(16)
        sealed = self._seal.close(msgspec.to_builtins(asked), f"grant:{grant_id}")
        row = GrantRow(
            grant_id=grant_id, stage="ehr", secret_hash=digest(state), launch_id="", sealed=sealed,
            expires_at=self._now() + EHR_S,
        )  # fmt: skip
        return self._rows.add(row, self._now())

    def once(self, name: str, until: float) -> bool:
        """Tell whether something that counts once comes for the first time; it is remembered until then."""
        row = GrantRow(
            grant_id=digest(name)[:32], stage="once", secret_hash="", launch_id="once", sealed=b"", expires_at=until
        )  # fmt: skip
        return self._rows.add(row, self._now())

    def numbering(self, launch_id: str) -> int:
        """Return a number that no chart of this launch, in any process, was given before; from 0.

        It is kept for longer than a host's conversation is.
        """
        until, number = self._now() + NUMBERING_S, self._rows.count("chart", launch_id)
        while not self._rows.add(self._numbering(launch_id, number, until), self._now()):
            number += 1
        return number

    def waiting(self, state: str) -> Grant | None:
        """Return the request whose user comes back from the EHR with `state`."""
        return self._opened(self._rows.of_secret("ehr", digest(state), self._now()))

    def at(self, grant_id: str, stage: Stage) -> Grant | None:
        """Return a grant at a stage."""
        row = self._rows.get(grant_id, self._now())
        return self._opened(row) if row is not None and row.stage == stage else None

    def user_secret(self, grant_id: str) -> str:
        """Return what proves the browser of the user who agreed, for as long as the grant is there: nothing of it is kept."""
        return opaque(self._key, "host-grant-user", grant_id)

    def proves(self, grant: Grant, secret: str) -> bool:
        """Tell whether a secret is the one that the grant waits for."""
        return same(secret, grant.row.secret_hash)

    def advance(self, grant: Grant, stage: Stage, launch_id: str = "") -> str:
        """Go on and return the next secret.

        Raises:
            OAuthRefused: somebody was faster.
        """
        secret = self._marked(grant.grant_id, stage, secrets.token_urlsafe(24))
        lives_s = {"ehr": EHR_S, "consent": CONSENT_S, "code": CODE_S, "live": MOST_LIFE_S}[stage]
        to = replace(
            grant.row, stage=stage, secret_hash=digest(secret), launch_id=launch_id or grant.launch_id,
            expires_at=self._now() + lives_s,
        )  # fmt: skip
        if not self._rows.advance(grant.row, to):
            raise OAuthRefused("invalid_grant", "used twice at once")
        return secret

    def redeem(self, value: str, stage: Literal["code", "live"]) -> tuple[Grant, bool]:
        """Return the grant of a code or of a refresh token, and whether the value counts (still); it is not used up by this.

        Raises:
            OAuthRefused: there is no such grant, or it was never one of ours.
        """
        kind, _, rest = value.partition(".")
        grant_id, _, secret = rest.partition(".")
        row = self._rows.get(grant_id, self._now()) if kind == KINDS[stage] and secret else None
        grant = self._opened(row)
        if grant is None or grant.row.stage not in ("code", "live"):
            raise OAuthRefused("invalid_grant", "unknown, expired, or taken back")
        ours = self._marked(grant_id, stage, secret[:RANDOM])
        if not hmac.compare_digest(secret.encode(), ours.encode()):
            raise OAuthRefused("invalid_grant", "made up")
        return grant, grant.row.stage == stage and self.proves(grant, secret)

    def lives(self, grant_id: str, launch_id: str) -> bool:
        """Tell whether a grant stands, and for this launch."""
        row = self._rows.get(grant_id, self._now())
        return row is not None and row.stage == "live" and row.launch_id == launch_id

    def end(self, grant: Grant, by: str) -> bool:
        """Take a grant back, and end its launch; True for exactly one caller."""
        if not self._rows.drop(grant.grant_id):
            return False
        if grant.launch_id:
            self._end_launch(grant.launch_id, by)
        return True

    def launch_ended(self, launch_id: str) -> None:
        """Forget the grants of a launch."""
        self._rows.drop_of(launch_id)

    def _marked(self, grant_id: str, stage: str, random: str) -> str:
        """Return a secret with the mark that it was made here, for this grant and stage."""
        return (
            random + opaque(self._key, "host-grant-secret", f"{grant_id} {stage} {random}")[:MARK]
        )

    def _numbering(self, launch_id: str, number: int, until: float) -> GrantRow:
        return GrantRow(
            grant_id=digest(f"numbering {launch_id} {number}")[:32], stage="chart", secret_hash="", launch_id=launch_id,
            sealed=b"", expires_at=until,
        )  # fmt: skip

    def _opened(self, row: GrantRow | None) -> Grant | None:
        if row is None:
            return None
        try:
            value = self._seal.open(row.sealed, f"grant:{row.grant_id}")
        except SealBroken:
            return None
        return Grant(row=row, asked=msgspec.convert(value, Asked))

    def _now(self) -> float:
        return self._clock().timestamp()


KINDS = {"code": "c", "live": "r"}


def shown(grant: Grant, stage: Literal["code", "live"], secret: str) -> str:
    """Return a code or a refresh token as the host gets it."""
    return f"{KINDS[stage]}.{grant.grant_id}.{secret}"
