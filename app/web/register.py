"""`/register/<slug>`: what IT pastes into the EHR's form, as a page without script and without secrets."""

from collections.abc import Iterable
from html import escape

from flask import Blueprint, Response, abort

from app.smart.sheet import Section, sheet
from app.wiring import Services


def blueprint(services: Services) -> Blueprint:
    """Return the page of each enabled registration, for anybody: it holds only what the EHR is told."""
    routes = Blueprint("register", __name__)

    @routes.get("/register/<slug>")
    def register(slug: str) -> Response:
        registration = services.registry.get(slug)
        if registration is None:
            abort(404)
        sections = sheet(
            registration,
            services.settings.origin,
            services.registry.models(slug),
            services.catalog.configs(),
        )
        return Response(_page(registration.name, sections), mimetype="text/html")

    return routes


def _page(name: str, sections: Iterable[Section]) -> str:
    title = escape(f"Register Chartside at {name}")
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>'
        f"<body><main><h1>{title}</h1>{''.join(map(_section, sections))}</main></body></html>"
    )


def _section(section: Section) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(row.label)}</th><td><code>{escape(row.value)}</code></td>'
        f"<td>{escape(row.why)}</td></tr>"
        for row in section.rows
    )
    head = '<thead><tr><th scope="col">Field</th><th scope="col">Value</th><th scope="col">Reason</th></tr></thead>'
    return f"<h2>{escape(section.heading)}</h2><table>{head}<tbody>{rows}</tbody></table>"
