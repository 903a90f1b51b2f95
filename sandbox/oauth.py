"""The errors and the form rules that the authorization and token endpoints share."""

from collections.abc import Mapping
from typing import Literal

from werkzeug.datastructures import MultiDict

ErrorCode = Literal[
    "access_denied",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "server_error",
    "temporarily_unavailable",
    "unsupported_grant_type",
    "unsupported_response_type",
]


class OAuthError(Exception):
    """A refusal in the words of RFC 6749, sections 4.1.2.1 and 5.2."""

    def __init__(self, code: ErrorCode, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.code: ErrorCode = code
        self.description = description
        self.status = status

    def parameters(self) -> dict[str, str]:
        """Return `error` and `error_description`, for a redirect or a JSON body."""
        return {"error": self.code, "error_description": self.description}


def single_values(form: "MultiDict[str, str]") -> Mapping[str, str]:
    """Return the parameters; an empty value counts as left out.

    Raises:
        OAuthError: a parameter is sent twice (RFC 6749 3.1 and 3.2).
    """
    for name, values in form.lists():
        if len(values) > 1:
            raise OAuthError("invalid_request", f"{name} is sent more than once")
    return {name: value for name, value in form.items() if value}


def required(parameters: Mapping[str, str], name: str) -> str:
    """Return a parameter's value.

    Raises:
        OAuthError: it is missing.
    """
    if name not in parameters:
        raise OAuthError("invalid_request", f"{name} is required")
    return parameters[name]
