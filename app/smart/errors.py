"""Why a launch stops, each with one sentence for the clinician."""

from typing import Literal

from app.errors import LaunchError

Why = Literal["refused", "other_patient", "reaches_others", "unknown", "user"]


class UnknownIssuer(LaunchError):
    """The `iss` of a launch is missing, given twice, or not registered. No request was made to it."""

    status = 403
    code = "launch.unknown_issuer"
    public = "This EHR is not registered with Chartside. Tell your IT department."


class LaunchExpired(LaunchError):
    """The `state` is unknown, was used before, belongs to another registration, or is too old."""

    code = "launch.state_mismatch"
    public = (
        "This launch was used before or took too long. "
        "Open Chartside again from the chart in the EHR."
    )


class LaunchUnbound(LaunchError):
    """The callback came from a browser that did not start the launch."""

    status = 403
    code = "launch.unbound"
    public = (
        "This launch was started elsewhere and was stopped. "
        "Open Chartside again from the chart in the EHR."
    )


class ConsentDenied(LaunchError):
    """The authorization server answered with `error`; `reason` is its code."""

    status = 403
    code = "launch.denied"
    public = (
        "The EHR did not allow this launch. Nothing was read. "
        "Open Chartside again from the chart, or ask the help desk."
    )

    def __init__(self, reason: str) -> None:
        super().__init__(f"authorization error: {reason}")
        self.reason = reason


class TokenRefused(LaunchError):
    """The token endpoint refused the code, or answered something unusable."""

    status = 502
    code = "launch.token_refused"
    public = "The EHR did not complete the launch. Open Chartside again from the chart in the EHR."


class IdentityRefused(LaunchError):
    """The id_token does not prove who the user is."""

    status = 502
    code = "launch.identity_refused"
    public = "The EHR did not prove who is signed in. Nothing was read. Ask the help desk."


class UserRefused(LaunchError):
    """The user is a patient or a related person; `user_reference` is for the audit."""

    status = 403
    code = "launch.user_refused"
    public = "Chartside is for clinicians. It does not open for patients or their relatives."

    def __init__(self, user_reference: str) -> None:
        super().__init__("this user may not open Chartside here")
        self.user_reference = user_reference


class NotInPilot(UserRefused):
    """The site has a list of users, and this one is not on it."""

    code = "launch.not_in_pilot"
    public = "Chartside is open to a first group of people here, and you are not on its list. Ask the help desk."


class RoleRefused(UserRefused):
    """The site opens Chartside for some roles, and the user has none of them."""

    code = "launch.role_refused"
    public = "Chartside is not open for your role here. Ask the help desk."


class RoleUnread(UserRefused):
    """The site opens Chartside for some roles, and the EHR does not tell which one the user has."""

    code = "launch.role_unread"
    public = (
        "The EHR did not say which role you have, so Chartside does not open. Ask the help desk."
    )


class TenantRefused(LaunchError):
    """The EHR opened Chartside in a tenant that the registration does not name."""

    status = 403
    code = "launch.tenant_refused"
    public = "This part of the EHR is not registered with Chartside. Tell your IT department."


class StandaloneRefused(LaunchError):
    """The registration allows launches from the EHR only, or the EHR to start from was not chosen."""

    status = 404
    code = "launch.standalone_refused"
    public = "Chartside opens from a patient's chart in the EHR only. Open it from there."


class TooManyLaunches(LaunchError):
    """More launches wait for their callback than a site can have: somebody floods the door."""

    status = 503
    code = "launch.too_many"
    public = "Too many launches are waiting. Try again in a few minutes."


class NoPatient(LaunchError):
    """The EHR opened Chartside without a patient."""

    status = 409
    code = "launch.no_patient"
    public = "The EHR did not name a patient. Open Chartside from a patient's chart."


class DiscoveryFailed(LaunchError):
    """The EHR's SMART configuration could not be read, or points outside the registered hosts."""

    status = 502
    code = "launch.discovery_failed"
    public = "The EHR does not answer, so Chartside cannot open. Try again, or use the EHR itself."


class Unproved(LaunchError):
    """A presented token does not prove what it is presented for; `why` says which part."""

    status = 401
    code = "token.unproved"
    public = "The EHR does not confirm this access."

    def __init__(self, why: Why, said: str) -> None:
        super().__init__(said)
        self.why = why
