"""The launch value of the public SMART launcher: a JSON array of 17 places, as base64url without padding.

It says everything the launcher needs, so that the launcher keeps nothing; anyone can read and write it. The older
form, an object with one letter for each place, is not read.

Source: the launcher's behaviour, https://launch.smarthealthit.org
"""

import base64
import binascii
from dataclasses import astuple, dataclass
from typing import Any

import orjson

LAUNCH_TYPES = ("provider-ehr", "patient-portal", "provider-standalone", "patient-standalone", "backend-service")  # fmt: skip
CLIENT_TYPES = ("public", "confidential-symmetric", "confidential-asymmetric", "backend-service")
PKCE = ("none", "auto", "always")


class LaunchValueError(ValueError):
    """Not a launch value of this launcher."""


@dataclass(frozen=True, kw_only=True)
class LaunchValue:
    """The places in their order. Lists are comma-separated; `encounter` is an id, AUTO, MANUAL or NONE."""

    launch_type: str = "provider-ehr"
    patient: str = ""
    provider: str = ""
    encounter: str = "AUTO"
    skip_login: bool = False
    skip_auth: bool = False
    sim_ehr: bool = False
    scope: str = ""
    redirect_uris: str = ""
    client_id: str = ""
    client_secret: str = ""
    auth_error: str = ""
    jwks_url: str = ""
    jwks: str = ""
    client_type: str = "public"
    pkce: str = "auto"
    fhir_server: str = ""

    def encode(self) -> str:
        """Return the value that travels as `launch`, or as the segment after `/sim/`."""
        places: list[Any] = list(astuple(self))
        places[0] = LAUNCH_TYPES.index(self.launch_type)
        places[4:7] = [int(one) for one in places[4:7]]
        places[14:16] = [CLIENT_TYPES.index(self.client_type), PKCE.index(self.pkce)]
        return base64.urlsafe_b64encode(orjson.dumps(places)).rstrip(b"=").decode()


def decode(text: str) -> LaunchValue:
    """Read a launch value.

    Raises:
        LaunchValueError: it is none.
    """
    try:
        places = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        kind, patient, provider, encounter, login, auth, ehr, *words, client, pkce, server = places
        scope, redirects, client_id, secret, error, jwks_url, jwks = map(str, words)
        return LaunchValue(
            launch_type=LAUNCH_TYPES[kind], patient=str(patient), provider=str(provider), encounter=str(encounter),
            skip_login=login == 1, skip_auth=auth == 1, sim_ehr=ehr == 1, scope=scope, redirect_uris=redirects,
            client_id=client_id, client_secret=secret, auth_error=error, jwks_url=jwks_url, jwks=jwks,
            client_type=CLIENT_TYPES[client], pkce=PKCE[pkce], fhir_server=str(server),
        )  # fmt: skip
    except (binascii.Error, ValueError, TypeError, IndexError) as error:
        raise LaunchValueError("not a launch value of 17 places") from error
