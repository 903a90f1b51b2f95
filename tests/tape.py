"""A tape between the copilot and the EHR: every request as it went over the wire, secrets and all.

Stands in `make_stack(between=tape.between)`. For tests only: what it holds opens charts.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request. `form` and `query` hold each name once; a doubled one fails here."""

    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    content_type: str
    accept: str
    authorization: str


@dataclass(kw_only=True)
class Tape:
    """Every request so far, oldest first."""

    sent: list[Sent] = field(default_factory=list)

    def at(self, prefix: str) -> list[Sent]:
        """Return the requests whose path begins so."""
        return [one for one in self.sent if one.path.startswith(prefix)]

    def between(self, ehr: "WSGIApplication") -> "WSGIApplication":
        """Return the EHR with its requests recorded."""

        def call(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
            body = environ["wsgi.input"].read()
            environ["wsgi.input"] = io.BytesIO(body)
            self.sent.append(
                Sent(
                    method=environ["REQUEST_METHOD"],
                    path=environ["PATH_INFO"],
                    query=once(environ.get("QUERY_STRING", "")),
                    form=once(body.decode()) if environ["REQUEST_METHOD"] == "POST" else {},
                    content_type=environ.get("CONTENT_TYPE", ""),
                    accept=environ.get("HTTP_ACCEPT", ""),
                    authorization=environ.get("HTTP_AUTHORIZATION", ""),
                )
            )
            return ehr(environ, start)

        return call


def once(encoded: str) -> dict[str, str]:
    """Return the parameters of a query or form.

    Raises:
        AssertionError: one of them stands in it twice.
    """
    pairs = parse_qsl(encoded, keep_blank_values=True, strict_parsing=bool(encoded))
    found = dict(pairs)
    assert len(found) == len(pairs), [name for name, _ in pairs]
    return found
