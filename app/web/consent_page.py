"""The page that asks whether an application may read this chart: server-rendered, without a script, never framed."""

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

from flask import Response

from app.mcp.grants import Grant
from app.web.resume import completed
from app.web.wire import LaunchCompleted

COOKIE = "__Secure-consent"
COOKIE_S = 300
STYLE = """
main{max-width:34rem;margin:2rem auto;padding:1.25rem 1.5rem;background:var(--surface);color:var(--ink);
  border:1px solid var(--line);border-radius:8px;font:var(--fs)/1.5 var(--font)}
body{background:var(--bg);overflow:auto}
h1{font-size:1.35rem;margin:0 0 .75rem} h2{font-size:1rem;margin:1.25rem 0 .25rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:0} dt{color:var(--ink-2)} dd{margin:0;overflow-wrap:anywhere}
.patient{background:var(--banner);color:var(--banner-ink);padding:.6rem .8rem;margin:0 0 .75rem;border-radius:6px;font-weight:600}
ul{columns:2;margin:.25rem 0;padding-left:1.1rem} .note{color:var(--warn);background:var(--warn-soft);padding:.5rem .75rem;border-radius:6px}
form{display:flex;gap:.75rem;margin-top:1.5rem} button{font:inherit;padding:.6rem 1.25rem;border-radius:6px;cursor:pointer;min-height:44px}
button[value=allow]{background:var(--brand);color:var(--brand-ink);border:1px solid var(--brand)}
button[value=deny]{background:var(--surface);color:var(--ink);border:1px solid var(--line-strong)}
button:focus-visible,a:focus-visible{outline:none;box-shadow:var(--focus)}
@media (max-width:30rem){main{margin:0;border:0;border-radius:0} ul{columns:1} dl{grid-template-columns:1fr}}
""".strip()


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What is asked. Times are in the site's zone."""

    patient: str
    born: str
    user: str
    reads: tuple[str, ...]
    until: str
    idle_minutes: int
    site: str


def to_consent(grant: Grant, secret: str) -> Response:
    """Return what sends the callback page on to the consent page, with the cookie that proves its browser."""
    path = f"/oauth/consent/{grant.grant_id}"
    response = completed(LaunchCompleted(launch_id=grant.launch_id, key="", next=path))
    # Strict: only our own callback page leads there, and only our own form answers.
    response.set_cookie(
        COOKIE, secret, max_age=COOKIE_S, path=path, secure=True, httponly=True, samesite="Strict"
    )
    return response


def consent_page(styles: str, grant: Grant, asked: Consent) -> str:
    """Return the page."""
    host = grant.asked
    vouched = f"named by {asked.site}" if not host.origin else f"proved by {host.origin}"
    rows = {
        "Application": f"{host.name} ({host.client_id}), {vouched}",
        "Sends you back to": _goes_to(host.redirect_uri),
        "Signed in as": asked.user,
        "Until": f"{asked.until} at the latest, or {asked.idle_minutes} minutes without use",
    }
    shown = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in rows.items())
    return _page(
        styles,
        f"Let {host.name} read this chart?",
        f'<p class="patient">{escape(asked.patient)}, born {escape(asked.born)}</p>'
        f"<dl>{shown}</dl><h2>It may read, and change nothing</h2><ul>{_items(asked.reads)}</ul>"
        '<p class="note">What it reads leaves Chartside: the application and its language model have it from then on. '
        "It reads this patient's chart only.</p>"
        '<form method="post"><button type="submit" name="decision" value="allow">Allow</button>'
        '<button type="submit" name="decision" value="deny">Do not allow</button></form>',
    )


def choice_page(styles: str, application: str, choices: Iterable[tuple[str, str]]) -> str:
    """Return the page on which the user says at which EHR they sign in; `choices` are addresses and names."""
    rows = "".join(
        f'<li><a href="{escape(href)}">{escape(name)}</a></li>' for href, name in choices
    )
    return _page(styles, f"Where do you sign in for {application}?", f"<ul>{rows}</ul>")


def ended_page(styles: str, said: str) -> str:
    """Return the page of a sign-in that is over."""
    return _page(styles, "This sign-in has ended", f"<p>{escape(said)}</p>")


def _page(styles: str, title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>Chartside</title><link rel="icon" href="/assets/icon.svg">{styles}'
        '<link rel="stylesheet" href="/oauth/style.css"></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def _items(words: Iterable[str]) -> str:
    return "".join(f"<li>{escape(one)}</li>" for one in words)


def _goes_to(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    return "a program on this computer" if parts.scheme == "http" else parts.netloc
