"""The ports of the store: what each user of the database may ask of it, whatever keeps it.

`tests/contract/store` holds every adapter to them; the adapters beside this module speak SQLAlchemy Core. A port that gives
True or a row to "one caller" gives it to one of all threads and processes.
"""

from typing import Any, Protocol

from app.store.conversations import KeptRow
from app.store.grants import GrantRow
from app.store.keys import KeyRow
from app.store.launches import LaunchRow, PendingRow
from app.store.switches import SwitchRow
from app.store.tokens import TokenRow


class LaunchStore(Protocol):
    """Pending launches, live ones and their sessions, and what lies sealed with them."""

    def add_pending(self, row: PendingRow, now: float) -> bool:
        """Keep a pending launch, False when too many wait; expired ones are swept at the same time."""

    def pending(self, state_hash: str, now: float) -> PendingRow | None:
        """Return a pending launch that has not expired."""

    def take_pending(self, state_hash: str) -> bool:
        """Remove a pending launch; True for exactly one caller, so that a callback counts once."""

    def count_bad_bind(self, state_hash: str) -> None:
        """Count a callback without the right bind secret; the third burns the launch."""

    def add_launch(
        self, row: LaunchRow, *, session_sealed: bytes, token_sealed: bytes, token_expires_at: float
    ) -> None:
        """Keep a new launch with its session and its tokens, all or nothing."""

    def launch(self, launch_id: str) -> LaunchRow | None:
        """Return a launch, live or idle; the caller applies the limits."""

    def launches(self) -> list[LaunchRow]:
        """Return every launch that has not ended."""

    def touch(self, launch_id: str, now: float) -> None:
        """Note that a launch was used, so that it is not parked any more."""

    def park(self, launch_id: str, now: float) -> None:
        """Note that the page of a launch was left."""

    def narrow(self, launch_id: str, scope: str) -> None:
        """Keep what is left of a launch's scopes."""

    def end(self, launch_id: str) -> bytes | None:
        """Remove a launch, its session and its tokens; its conversation is kept by its own rule."""

    def rotate_session(self, launch_id: str, *, old: str, new: str, sealed: bytes) -> bool:
        """Give a launch a new session id; the old one stops working in the same transaction."""

    def session(self, session_id: str) -> tuple[str, bytes] | None:
        """Return the launch id and the sealed bytes of a session."""

    def opened(self, session_id: str) -> tuple[LaunchRow, bytes] | None:
        """Return the launch and the sealed bytes of a session, as they stand together."""

    def opened_launch(self, launch_id: str) -> tuple[LaunchRow, bytes] | None:
        """Return a launch and the sealed bytes of its session, as they stand together."""

    def replace_session(self, session_id: str, sealed: bytes) -> None:
        """Write a session's bytes again."""

    def drop_session(self, session_id: str) -> None:
        """Remove one session, so that its key opens nothing."""


class TokenStore(Protocol):
    """The sealed tokens of live launches, and who may refresh them."""

    def get(self, launch_id: str) -> TokenRow | None:
        """Return the tokens of a launch."""

    def claim(self, row: TokenRow, intent: str, *, now: float, until: float) -> bool:
        """Claim the refresh of exactly this version; True for one caller, however many threads and processes ask."""

    def keep(self, row: TokenRow, intent: str, *, sealed: bytes, expires_at: float) -> bool:
        """Write new tokens over the claim; False when the launch has ended meanwhile."""

    def release(self, row: TokenRow, intent: str, *, until: float) -> None:
        """Give the claim back: the refresh token did not count. Nobody tries again before `until`."""

    def lose(self, row: TokenRow, intent: str) -> None:
        """End the lease and leave the claim: nobody knows whether the refresh token counted, so it stays unused."""

    def expire(self, row: TokenRow) -> None:
        """Note that the EHR takes this access token no more."""


class KeyStore(Protocol):
    """The keys that Chartside signs with; private parts come and go sealed."""

    def all(self) -> list[KeyRow]:
        """Return every key, oldest first."""

    def add(self, row: KeyRow, *, withdraw_others_at: float) -> None:
        """Keep a new key and plan the end of the others of its algorithm, all or nothing."""

    def add_first(self, row: KeyRow) -> bool:
        """Keep a key if there is none of its algorithm; False when another process was faster."""

    def drop_withdrawn(self, now: float) -> None:
        """Remove keys whose time is over."""


class SwitchStore(Protocol):
    """What IT has switched off."""

    def all(self) -> list[SwitchRow]:
        """Return everything that is off, oldest first."""

    def put(self, row: SwitchRow) -> None:
        """Switch something off, or give it another reason."""

    def drop(self, kind: str, name: str) -> bool:
        """Switch something on again; False when it was not off."""


class GrantStore(Protocol):
    """Sign-ins of MCP hosts; each has one secret at a time, kept as its SHA-256."""

    def add(self, row: GrantRow, now: float) -> bool:
        """Keep a new one, False when too many wait or its id is kept already; expired ones are swept at the same time."""

    def get(self, grant_id: str, now: float) -> GrantRow | None:
        """Return one that has not expired."""

    def of_secret(self, stage: str, secret_hash: str, now: float) -> GrantRow | None:
        """Return the one that waits for a secret at a stage."""

    def advance(self, row: GrantRow, to: GrantRow) -> bool:
        """Go on to another stage and secret; True for exactly one caller, and only from where `row` stood."""

    def drop(self, grant_id: str) -> bool:
        """Remove one; True for exactly one caller."""

    def count(self, stage: str, launch_id: str) -> int:
        """Return how many of a stage are kept for a launch."""

    def drop_of(self, launch_id: str) -> None:
        """Remove those of a launch that has ended."""


class ConversationStore(Protocol):
    """What was asked and answered in a launch, what its handles mean and what its model was told."""

    def add_turn(
        self, launch_id: str, turn_id: str, value: object, transcript: object = None
    ) -> None:
        """Append a finished turn and what a model needs of it; nothing is kept of a launch that has ended meanwhile."""

    def has_turn(self, launch_id: str, turn_id: str) -> bool:
        """Tell whether a turn of this id is kept."""

    def turns(self, launch_id: str) -> list[object]:
        """Return the turns of a launch, oldest first."""

    def transcripts(self, launch_id: str) -> list[Any]:
        """Return what a model needs of each turn, oldest first; turns that left nothing are not in it."""

    def digest(self, launch_id: str) -> str | None:
        """Return the overview that this launch's model is told, None before it was kept."""

    def keep_digest(self, launch_id: str, text: str) -> str:
        """Keep the overview of a launch and return it; of two that come at once, the first stands."""

    def drop_digest(self, launch_id: str) -> None:
        """Forget the overview: the chart was read again because a person asked for it."""

    def model_choice(self, launch_id: str) -> str:
        """Return the id of the model that this launch uses, "" before any."""

    def begin_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch began with, unless one is remembered: a choice is never written over."""

    def choose_model(self, launch_id: str, model_id: str) -> None:
        """Remember which model this launch uses."""

    def keep_ledger(self, launch_id: str, value: object) -> bool:
        """Keep what the handles and source numbers of a launch mean, in place of what was kept before."""

    def ledger(self, launch_id: str) -> dict[str, Any] | None:
        """Return what `keep_ledger` kept, None before the first time."""

    def forget(self, launch_id: str) -> None:
        """Remove the conversation of a launch, whatever was left of it."""

    def leave(self, row: KeptRow) -> None:
        """Keep the turns of an ended launch and what their citations mean; forget what only its model was told."""

    def left(self, now: float) -> list[KeptRow]:
        """Return what ended launches left; what nobody left on purpose is found here and counts from `now`."""
