"""The keys that Chartside signs with, and the public half of those for EHRs, for `/.well-known/jwks.json`.

For `private_key_jwt` there are RS384 and ES384 keys. ES256 keys sign the access tokens of our own MCP server and are not
published to EHRs: what one key signs can never pass for what the other does.

A new key is published before it signs, longer than a reader may cache the key set, and an old one stays published
for a day after, so that no EHR ever meets a signature by a key that it cannot know. Private keys lie sealed in the
database, so that every process signs with the same ones. Somebody with the database and the sealing key has them.

Source: SMART App Launch 2.2.0, asymmetric client authentication, registering a client (RS384 and ES384).
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from joserfc.jwk import ECKey, RSAKey

from app.errors import ConfigurationError
from app.settings import Secret
from app.store.keys import KeyRow
from app.store.ports import KeyStore
from app.store.seal import Seal

Algorithm = Literal["RS384", "ES384", "ES256"]
CLIENT: tuple[Algorithm, ...] = ("RS384", "ES384")
MCP: Algorithm = "ES256"
CURVES = {"ES384": "P-384", "ES256": "P-256"}
SigningKey = RSAKey | ECKey

CACHE_S = 3_600
# A clock that is a little off, and a cache that is refreshed a little late.
MARGIN_S = 300
OVERLAP_S = 24 * 3_600
RSA_BITS = 3_072
# RFC 7517 and 7518: whatever else a library may add to a key is not published.
PUBLIC = {"RSA": ("kty", "kid", "alg", "use", "n", "e"), "EC": ("kty", "kid", "alg", "use", "crv", "x", "y")}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """One key as IT sees it."""

    kid: str
    alg: str
    state: Literal["waiting", "signing", "leaving"]
    signs_at: datetime
    withdrawn_at: datetime | None


class Keyring:
    """All signing keys of this Chartside, the same in every process."""

    def __init__(self, rows: KeyStore, key: Secret, clock: Callable[[], datetime]) -> None:
        self._rows = rows
        self._seal = Seal(key, "signing-key")
        self._clock = clock

    def signing(self, alg: str, kid: str = "") -> SigningKey:
        """Return the key that signs now: the one named, else the newest whose time has come; the first is made.

        Raises:
            ConfigurationError: `kid` is not in the ring, or is of another algorithm.
        """
        known = [row for row in self._present() if row.alg == alg]
        if kid:
            known = [row for row in known if row.kid == kid]
            if not known:
                raise ConfigurationError(f"no key {kid} for {alg} in the ring")
            return self._open(known[0])
        if not known:
            self._rows.add_first(self._new(alg, self._now()))
            return self.signing(alg)
        now = self._now()
        ready = [row for row in known if row.signs_at <= now]
        return self._open(max(ready or known, key=lambda row: row.signs_at))

    def rotate(self, alg: Algorithm) -> KeyState:
        """Add a key that signs once every cache knows it, and plan the end of the others of its algorithm.

        A first key signs at once.
        """
        self._rows.drop_withdrawn(self._now())
        known = any(row.alg == alg for row in self._present())
        signs_at = self._now() + (CACHE_S + MARGIN_S if known else 0)
        row = self._new(alg, signs_at)
        self._rows.add(row, withdraw_others_at=signs_at + OVERLAP_S)
        return self._state(row, "")

    def states(self) -> list[KeyState]:
        """Return every key that is published, oldest first."""
        present = self._present()
        signing = {alg: str(self.signing(alg).kid) for alg in sorted({row.alg for row in present})}
        return [self._state(row, signing[row.alg]) for row in present]

    def verifying(self, alg: Algorithm, kid: str) -> SigningKey | None:
        """Return the key of a signature that was made here, while it is not withdrawn."""
        found = (row for row in self._present() if (row.alg, row.kid) == (alg, kid))
        return next(map(self._open, found), None)

    def published(self, algs: Collection[str] = CLIENT) -> dict[str, list[dict[str, Any]]]:
        """Return a JWKS, public parts only: of the keys that prove to EHRs who asks, or of other algorithms."""
        keys = [
            self._open(row).as_dict(private=False) for row in self._present() if row.alg in algs
        ]
        return {"keys": [{name: key[name] for name in PUBLIC[str(key["kty"])]} for key in keys]}

    def _present(self) -> list[KeyRow]:
        now = self._now()
        return [
            row for row in self._rows.all() if row.withdrawn_at is None or row.withdrawn_at > now
        ]

    def _state(self, row: KeyRow, signing: str) -> KeyState:
        waiting = row.signs_at > self._now()
        return KeyState(
            kid=row.kid,
            alg=row.alg,
            state="signing" if row.kid == signing else "waiting" if waiting else "leaving",
            signs_at=self._time(row.signs_at),
            withdrawn_at=None if row.withdrawn_at is None else self._time(row.withdrawn_at),
        )

    def _new(self, alg: str, signs_at: float) -> KeyRow:
        key = _generate(alg)
        sealed = self._seal.close(key.as_dict(private=True), f"key:{key.kid}")
        now = self._now()
        return KeyRow(
            kid=str(key.kid),
            alg=alg,
            sealed=sealed,
            made_at=now,
            signs_at=signs_at,
            withdrawn_at=None,
        )

    def _open(self, row: KeyRow) -> SigningKey:
        raw: dict[str, Any] = self._seal.open(row.sealed, f"key:{row.kid}")
        return RSAKey.import_key(raw) if row.alg == "RS384" else ECKey.import_key(raw)

    def _now(self) -> float:
        return self._clock().timestamp()

    def _time(self, at: float) -> datetime:
        return datetime.fromtimestamp(at, self._clock().tzinfo)


def _generate(alg: str) -> SigningKey:
    parameters: Any = {"use": "sig", "alg": alg}
    if alg == "RS384":
        return RSAKey.generate_key(RSA_BITS, parameters=parameters, auto_kid=True)
    return ECKey.generate_key(CURVES[alg], parameters=parameters, auto_kid=True)
