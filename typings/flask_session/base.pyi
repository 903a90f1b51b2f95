"""Stubs for the few names of Flask-Session 0.8 that Chartside uses."""

from datetime import timedelta
from typing import Any

from flask import Flask, Request, Response
from flask.sessions import SessionInterface, SessionMixin

class ServerSideSession(dict[str, Any], SessionMixin):
    sid: str | None
    modified: bool
    def __init__(
        self,
        initial: dict[str, Any] | None = ...,
        sid: str | None = ...,
        permanent: bool | None = ...,
    ) -> None: ...

class ServerSideSessionInterface(SessionInterface):
    ttl: bool
    serializer: object | None
    def __init__(
        self, app: Flask, key_prefix: str = ..., use_signer: bool = ..., permanent: bool = ...
    ) -> None: ...
    def _get_store_id(self, sid: str) -> str: ...
    def open_session(self, app: Flask, request: Request) -> ServerSideSession: ...
    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None: ...
