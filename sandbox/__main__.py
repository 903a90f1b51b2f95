"""Serve the pretend EHR on this machine: `python -m sandbox`."""

import os
from urllib.parse import urlsplit

from werkzeug.serving import WSGIRequestHandler, run_simple

from sandbox import create_app
from sandbox.settings import SandboxSettings


class KeepAliveHandler(WSGIRequestHandler):
    """Keeps connections open as real EHRs do, and prints no requests: they hold codes and launches."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Print nothing; the wire log shows requests without secrets."""


def main() -> None:
    """Serve at the port of `SANDBOX_EHR_ORIGIN`; only 127.0.0.1 is bound."""
    settings = SandboxSettings.from_env(os.environ)
    port = urlsplit(settings.ehr_origin).port or 80
    app = create_app(settings)
    run_simple("127.0.0.1", port, app, threaded=True, request_handler=KeepAliveHandler)


if __name__ == "__main__":
    main()
