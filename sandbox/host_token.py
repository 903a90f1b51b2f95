"""Launch a patient's chart in the running sandbox and print a token for an MCP host: `python -m sandbox.host_token`.

It does over HTTP what a browser does: start from the EHR's app menu, sign in, complete the launch, ask for the token. `--renew FILE` writes
the token into a file (0600) and a new one every ten minutes, until it is told to end; then it ends the launch.
"""

import argparse
import json
import os
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PAGE = 'id="page">'
RENEW_S = 600


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A launch that was completed here."""

    app: str
    launch_id: str
    key: str

    def token(self, host: str) -> dict[str, object]:
        """Have a token minted for a host."""
        answer = _ask(f"{self.app}/api/launches/{self.launch_id}/mcp-token", {"host": host}, key=self.key)  # fmt: skip
        return dict(json.loads(answer))

    def end(self) -> None:
        """End the launch."""
        _ask(f"{self.app}/api/launches/{self.launch_id}", None, key=self.key, method="DELETE")


def main(arguments: Sequence[str]) -> int:
    """Print a token, or keep one in a file."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.host_token", description=__doc__)
    parser.add_argument("--patient", default="marlena", help="a folder of sandbox/charts")
    parser.add_argument("--host", default="my-host", help="the host's id, as the audit names it")
    parser.add_argument("--ehr", default="http://ehr.localhost:9000")
    parser.add_argument("--app", default="http://app.localhost:9001")
    parser.add_argument("--renew", type=Path, help="keep a token in this file")
    given = parser.parse_args(arguments)
    opened = launch(given.ehr, given.app, patient_of(given.patient))
    if given.renew is None:
        sys.stdout.write(f"{opened.token(given.host)['access_token']}\n")
        return 0
    try:
        while True:
            _write(given.renew, str(opened.token(given.host)["access_token"]))
            sys.stderr.write(f"{given.renew} holds a token; the next comes in ten minutes\n")
            time.sleep(RENEW_S)
    except KeyboardInterrupt:
        opened.end()
        given.renew.unlink(missing_ok=True)
        return 0


def launch(ehr: str, app: str, patient: str) -> Opened:
    """Launch the copilot for a patient, as a browser would."""
    started = json.loads(_ask(f"{ehr}/chart/{patient}/launches", {}))
    page = _page(_ask(_as_known(started["url"], app)))
    back = parse_qs(urlsplit(_redirected(str(page["authorize"]))).query)
    slug = urlsplit(started["url"]).path.split("/")[2]
    sent = {name: values[0] for name, values in back.items()}
    body = {"slug": slug, "bind": page["bind"], **sent}
    done = json.loads(_ask(f"{app}/api/launches/complete", body))
    return Opened(app=app, launch_id=done["launch_id"], key=done["key"])


def patient_of(chart: str) -> str:
    """Return the patient's id of a chart by its folder's name."""
    manifest = Path(__file__).parent / "charts" / chart / "manifest.json"
    return str(json.loads(manifest.read_text("utf-8"))["patient"])


def _as_known(url: str, app: str) -> str:
    parts = urlsplit(url)
    return f"{app}{parts.path}?{parts.query}"


def _page(html: str) -> Mapping[str, object]:
    start = html.index(PAGE) + len(PAGE)
    return dict(json.loads(html[start : html.index("</script>", start)]))


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follow nothing: where a redirect goes is what is wanted."""

    def redirect_request(self, *_args: object, **_more: object) -> None:
        """Do not follow."""


def _redirected(url: str) -> str:
    try:
        with urllib.request.build_opener(_Stay).open(_request(url), timeout=30):
            pass
    except urllib.error.HTTPError as answer:
        return str(answer.headers["Location"])
    raise SystemExit("the EHR asked for something; open it in a browser instead")


def _request(url: str) -> urllib.request.Request:
    """Address `*.localhost` as 127.0.0.1 and keep the name in `Host` (RFC 6761 6.3): not every system resolves it."""
    parts = urlsplit(url)
    address = f"http://127.0.0.1:{parts.port}{parts.path}" + (f"?{parts.query}" if parts.query else "")  # fmt: skip
    return urllib.request.Request(address, headers={"Host": parts.netloc})


def _ask(url: str, body: object = None, *, key: str = "", method: str = "") -> str:
    request = _request(url)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    if key:
        request.add_header("Authorization", f"Bearer {key}")
    if method:
        request.method = method
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - http on loopback
        return str(answer.read().decode())


def _write(path: Path, token: str) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(token)
    fresh.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
