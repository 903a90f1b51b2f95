"""Seal small values with AES-256-GCM and msgpack: no pickle, and no row can stand in for another.

The additional data binds a value to its place (table and key), so that bytes moved between rows do not open.
It does not protect against somebody who holds the key, nor against rolling a whole row back to an older one.
"""

import hashlib
import hmac
import os
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.settings import Secret

NONCE_BYTES = 12  # NIST SP 800-38D 8.2: 96 bits


class SealBroken(ValueError):
    """The bytes were changed, moved to another place, or sealed with another key."""


class Seal:
    """Seals values of msgpack's types for one purpose; purposes use keys derived apart."""

    def __init__(self, key: Secret, purpose: str) -> None:
        self._cipher = AESGCM(_derived(key, purpose))

    def close(self, value: object, place: str) -> bytes:
        """Return `value` sealed for `place`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(value), place.encode())

    def open(self, sealed: bytes, place: str) -> Any:
        """Return the value sealed for `place`.

        Raises:
            SealBroken: anything about it does not fit.
        """
        try:
            plain = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.encode())
        except (InvalidTag, ValueError) as error:
            raise SealBroken(place.split(":", 1)[0]) from error
        return msgspec.msgpack.decode(plain)


def opaque(key: Secret, purpose: str, name: str) -> str:
    """Return another name for `name`, the same each time, from which it cannot be found or guessed without the key."""
    return hmac.new(_derived(key, purpose), name.encode(), hashlib.sha256).hexdigest()[:32]


def _derived(key: Secret, purpose: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return kdf.derive(key.reveal())
