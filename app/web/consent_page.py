"""The pages of a sign-in for an MCP host: which EHR, whether the application may read this chart, and how that is ended.

Server-rendered, without a script, never framed. What an application calls itself is text from outside: isolated, in quotation marks.
"""

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
# Beside the application's own style sheet: a page that grows, with what it decides always in view.
STYLE = """
.signin{display:flex;flex-direction:column;min-height:100%;background:var(--surface)}
.signin .gate{flex:1;overflow:visible}
.signin .gate h1,.signin dd,.signin li{overflow-wrap:anywhere}
.signin .said{border-top:1px solid var(--line);font-size:13px}
.signin .said>div{display:grid;grid-template-columns:112px minmax(0,1fr);gap:10px;padding:6px 0;border-bottom:1px solid var(--line)}
.signin dt{font-weight:600} .signin .said dd span{color:var(--ink-2)}
.signin h2{font-size:14px;font-weight:650;margin-top:4px}
.signin .gate .reads{border:0;font-size:13px;columns:2;column-gap:16px}
.signin .gate .reads li{display:block;padding:1px 0;border:0;break-inside:avoid}
.signin .leaves{color:var(--warn);background:var(--warn-soft);border:1px solid var(--warn-line);border-radius:6px;padding:8px 10px;font-size:13px}
.signin .gate .choices{border:0;display:grid;gap:8px} .signin .gate .choices li{display:block;padding:0;border:0}
.signin .choices .btn{justify-content:flex-start;min-height:36px;width:100%;padding-block:6px;white-space:normal;overflow-wrap:anywhere}
.signin .dock{position:sticky;bottom:0;padding:8px 16px 10px}
.signin .dock>*{max-width:588px} .signin .dock p{font-size:12px;font-weight:600;margin-bottom:6px}
.signin .dock .btn{min-height:36px;padding:0 14px}
@media (min-width:560px){.signin .gate .reads{columns:3}}
""".strip()


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What is asked. Times are in the site's zone."""

    family: str
    given: str
    born: str
    sex: str
    mrn: str
    user: str
    reads: tuple[str, ...]
    until: str
    idle_minutes: int
    site: str
    help_desk: str


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
    """Return the page that asks."""
    host = grant.asked
    name = _quoted(host.name)
    desk = f". Help desk {asked.help_desk}" if asked.help_desk else ""
    rows = (
        ("Application", f"{name} {_small(_vouched(grant, asked.site))}"),
        ("Its address" if host.origin else "Its id", f"<bdi>{escape(host.client_id)}</bdi>"),
        ("Goes back to", _goes_to(host.redirect_uri)),
        ("Signed in as", escape(asked.user)),
        ("Until", f"<time>{escape(asked.until)}</time> at the latest, or {asked.idle_minutes} minutes without use"),
        ("To end it sooner", f"Sign out in the application, or open this page again in this browser{escape(desk)}"),
    )  # fmt: skip
    return _page(
        styles,
        f"Sign-in for {host.name}",
        f"<h1>Let {name} read this chart?</h1>"
        '<p class="leaves">What it reads leaves Chartside: the application and its language model have it from then on. '
        "It reads this patient's chart only.</p>"
        f'<dl class="said">{_rows(rows)}</dl>'
        f'<h2>It may read, and change nothing</h2><ul class="reads">{_items(asked.reads)}</ul>',
        banner=_banner(asked),
        dock='<p>Nothing is written to the EHR.</p><form method="post" class="row">'
        '<button type="submit" class="btn primary" name="decision" value="allow">Allow</button>'
        '<button type="submit" class="btn" name="decision" value="deny">Do not allow</button></form>',
    )


def access_page(styles: str, grant: Grant, until: str) -> str:
    """Return the page on which who agreed ends the access. It names no patient: who sits at the computer by now is not asked."""
    name = _quoted(grant.asked.name)
    rows = (
        ("Application", f"{name} {_small(grant.asked.client_id)}"),
        ("Until", f"<time>{escape(until)}</time> at the latest"),
        ("Ending it", "Takes effect at once. What the application has read already, it keeps."),
    )
    return _page(
        styles,
        f"Access of {grant.asked.name}",
        f'<h1>{name} can read one chart.</h1><dl class="said">{_rows(rows)}</dl>',
        dock='<form method="post" class="row"><button type="submit" class="btn primary" name="decision" value="end">End access</button></form>',
    )


def choice_page(styles: str, application: str, choices: Iterable[tuple[str, str]]) -> str:
    """Return the page on which the user says at which EHR they sign in; `choices` are addresses and names."""
    rows = "".join(
        f'<li><a class="btn" href="{escape(href)}">{escape(name)}</a></li>'
        for href, name in choices
    )
    title = f"Where do you sign in for {_quoted(application)}?"
    return _page(styles, f"Sign-in for {application}", f'<h1>{title}</h1><ul class="choices">{rows}</ul>')  # fmt: skip


def ended_page(styles: str, title: str, said: str) -> str:
    """Return the page of a sign-in that is over."""
    return _page(styles, title, f"<h1>{escape(title)}</h1><p>{escape(said)}</p>")


def _page(styles: str, title: str, body: str, *, banner: str = "", dock: str = "") -> str:
    foot = f'<footer class="dock">{dock}</footer>' if dock else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{escape(title)} – Chartside</title><link rel="icon" href="/assets/icon.svg">{styles}'
        '<link rel="stylesheet" href="/oauth/style.css"></head><body><div class="signin">'
        '<header><div class="appbar"><strong class="brand"><span class="mark-logo" aria-hidden="true"></span>Chartside</strong></div>'
        f'{banner}</header><main class="gate">{body}</main>{foot}</div></body></html>'
    )


def _banner(asked: Consent) -> str:
    name = ", ".join(part for part in (asked.family, asked.given) if part)
    ids = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(text)}</dd></div>"
        for label, text in (("Born", asked.born), ("Sex", asked.sex), ("MRN", asked.mrn))
    )
    return (
        f'<section class="banner" aria-label="Patient"><div class="b-name"><b>{escape(name)}</b></div>'
        f'<dl class="b-ids">{ids}</dl></section>'
    )


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of a list; their values are HTML."""
    return "".join(f"<div><dt>{escape(label)}</dt><dd>{html}</dd></div>" for label, html in rows)


def _items(words: Iterable[str]) -> str:
    return "".join(f"<li>{escape(one)}</li>" for one in words)


def _quoted(name: str) -> str:
    """Return a name from outside as HTML: its direction of writing changes nothing around it."""
    return f"“<bdi>{escape(name)}</bdi>”"


def _small(text: str) -> str:
    return f"<span><bdi>{escape(text)}</bdi></span>"


def _vouched(grant: Grant, site: str) -> str:
    return f"proved by {grant.asked.origin}" if grant.asked.origin else f"registered by {site}"


def _goes_to(redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    where = escape(f"{parts.scheme}://{parts.netloc}")
    return f"A program on this computer <span>({where})</span>" if parts.scheme == "http" else f"<bdi>{where}</bdi>"  # fmt: skip
