"""What the EHR says about a launch, kept behind the opaque value that travels in the address."""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sandbox.oauth import OAuthError
from sandbox.profiles import STRICT, Profile


@dataclass(frozen=True, kw_only=True)
class Launch:
    """The context of one launch: which client, which patient and encounter, which signed-in user.

    `patient_id` "": the user has no chart open. `more` goes into the token response as it is (`fhirContext`, `intent`, `tenant`). `profile` is how this EHR behaves
    in the launch.
    """

    client_id: str
    patient_id: str
    encounter_id: str | None
    user_reference: str
    clinical_time: datetime
    more: Mapping[str, object] = field(default_factory=dict)
    profile: Profile = STRICT


class Launches:
    """Issued launch values. Each is redeemed once, by the client it was made for."""

    def __init__(self, lifetime_s: int) -> None:
        self._lifetime = timedelta(seconds=lifetime_s)
        self._issued: dict[str, tuple[Launch, datetime]] = {}
        self._lock = threading.Lock()

    def issue(self, launch: Launch, now: datetime) -> str:
        """Return the opaque value that stands for `launch`."""
        value = secrets.token_urlsafe(24)
        with self._lock:
            self._issued[value] = (launch, now + self._lifetime)
        return value

    def peek(self, value: str) -> Launch | None:
        """Return the launch without using its value."""
        launch, _ = self._issued.get(value, (None, None))
        return launch

    def redeem(self, value: str, client_id: str, now: datetime) -> Launch:
        """Return the launch and forget its value; a value shown by another client is kept.

        Raises:
            OAuthError: unknown, used, expired, or issued for another client.
        """
        with self._lock:
            launch, expires_at = self._issued.get(value, (None, now))
            if launch is None or launch.client_id != client_id:
                raise OAuthError("invalid_request", "launch is unknown or was used before")
            del self._issued[value]
        if now >= expires_at:
            raise OAuthError("invalid_request", "launch has expired")
        return launch
