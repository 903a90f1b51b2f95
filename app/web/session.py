"""`flask.session` is the launch that the request's launch key names; Flask-Session hosts it, no cookie does.

Our interface differs from Flask-Session's own ones on purpose: ids are stored hashed, values are AES-GCM over
msgpack (its decoder falls back to pickle), and nothing is ever set in a cookie, since tabs and frames share those.
"""

from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response, current_app, session
from flask.sessions import SessionMixin
from flask_session.base import ServerSideSession, ServerSideSessionInterface

from app.audit.log import Who
from app.errors import NotFound, SessionEnded
from app.launch_context import LaunchContext
from app.smart.session import LaunchSessions, context_from, digest
from app.store.ports import LaunchStore

SCHEME = "Bearer "
LIFE = "/life"


class LaunchSessionInterface(ServerSideSessionInterface):
    """Opens the session of `Authorization: Bearer <launch key>`; writes it back only when it changed."""

    ttl = True

    def __init__(self, app: Flask, sessions: LaunchSessions, rows: LaunchStore) -> None:
        super().__init__(app, key_prefix="", permanent=False)
        self._sessions = sessions
        self._rows = rows
        # The base class's serializer reads pickle; it is never used, and gone so that it never will be.
        self.serializer = None

    def _get_store_id(self, sid: str) -> str:
        return digest(sid)

    def _retrieve_session_data(self, store_id: str) -> dict[str, Any] | None:
        found = self._rows.session(store_id)
        return None if found is None else self._sessions.unseal(found[1], store_id)

    def _delete_session(self, store_id: str) -> None:
        self._rows.drop_session(store_id)

    def _upsert_session(
        self, _session_lifetime: timedelta, session: ServerSideSession, store_id: str
    ) -> None:
        self._rows.replace_session(store_id, self._sessions.seal(dict(session), store_id))

    def open_session(self, _app: Flask, request: Request) -> ServerSideSession:
        """Return the launch's values, or an empty session when the key proves nothing."""
        key = launch_key(request)
        # A page that only asks how long its launch lives does not keep it alive by asking.
        used = not (request.method == "GET" and request.path.endswith(LIFE))
        value = self._sessions.open(key, used=used) if key else None
        return ServerSideSession(value, sid=key if value is not None else None)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:  # noqa: ARG002
        """Write changed values back; a cookie is never set."""
        if isinstance(session, ServerSideSession) and session.sid and session.modified:
            self._upsert_session(
                app.permanent_session_lifetime, session, self._get_store_id(session.sid)
            )


def launch_key(request: Request) -> str | None:
    """Return the launch key of a request, None when there is none."""
    header = request.headers.get("Authorization", "")
    return header.removeprefix(SCHEME) if header.startswith(SCHEME) else None


def current_launch(launch_id: str, *, even_off: bool = False) -> LaunchContext:
    """Return the context of the request's launch, which must be the one that the address names.

    `even_off`: to stop, to park and to end it counts not that IT has switched Chartside off.

    Raises:
        SwitchedOff: IT has switched this registration, or everything, off.
        SessionEnded: the key proves no live launch.
        NotFound: the key belongs to another launch; nothing says whether `launch_id` exists. It is audited under the
            key's own launch, and nothing of the other one is named.
    """
    if "context" not in session:
        raise SessionEnded("no live launch for this key")
    context = context_from(dict(session))
    if context.launch_id != launch_id:
        detail = {"code": "session.other_launch", "count": 1}
        current_app.extensions["chartside"].audit.record("refusal", Who.of(context), detail)
        raise NotFound("the key belongs to another launch")
    if not even_off:
        current_app.extensions["chartside"].switches.demand(context.registration)
    return context
