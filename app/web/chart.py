"""What a live launch shows before anyone asks: who it is, the launch card, and any source by its number."""

import msgspec
import orjson
from flask import Blueprint, Response, request, session

from app.audit.log import Detail, Who
from app.errors import NotFound
from app.fhir.banner import banner
from app.fhir.card import build_card
from app.fhir.source_view import source
from app.launch_context import LaunchContext
from app.web.model import NO_LANGUAGE_MODEL
from app.web.session import current_launch
from app.web.wire import (
    ModelLabel,
    PageStyle,
    PatientName,
    Snapshot,
    StoredTurn,
    StyleColor,
)
from app.wiring import Services

PATIENT = "patient"


def blueprint(services: Services) -> Blueprint:
    """Return the reading routes of a launch; every one needs its key."""
    routes = Blueprint("chart", __name__)

    @routes.get("/api/launches/<launch_id>")
    def snapshot(launch_id: str) -> Response:
        context = current_launch(launch_id)
        return _json(_snapshot(services, context))

    @routes.get("/api/launches/<launch_id>/card")
    def card(launch_id: str) -> Response:
        context = current_launch(launch_id)
        chart = services.charts.get(context)
        if request.args.get("again") == "1":
            services.charts.read_again(context)
            services.gate.read_again(context)
        else:
            chart.first_read()
        now = services.charts.now(context)
        found = build_card(chart, chart.sources, now, context.user_reference)
        services.charts.keep(context)
        if found.restricted:
            # The stop tells the clinician that this is recorded.
            detail: Detail = {"code": "chart.break_the_glass", "count": 1}
            services.audit.record("refusal", Who.of(context), detail)
        shown = found.banner
        session[PATIENT] = {"family": shown.family, "given": shown.given, "born": shown.born}
        services.turns.warm(context)
        return _json(found)

    @routes.get("/api/launches/<launch_id>/style")
    def style(launch_id: str) -> Response:
        context = current_launch(launch_id)
        found = services.smart.styles.get(context.registration, context.style_url)
        colors = tuple(StyleColor(name=name, value=value) for name, value in found.colors.items())
        return _json(
            PageStyle(
                scheme=found.scheme,
                colors=colors,
                font_size_px=found.font_size_px,
                font_family=found.font_family,
            )
        )

    @routes.get("/api/launches/<launch_id>/sources/<int:n>")
    def one_source(launch_id: str, n: int) -> Response:
        context = current_launch(launch_id)
        chart = services.charts.get(context)
        known = len(chart.sources)
        found = source(chart, n)
        services.audit.record("source", Who.of(context), {"n": n, "record": found.reference})
        if len(chart.sources) > known:  # a series gave its values numbers, which must stay theirs
            services.charts.keep(context)
        return _json(found)

    return routes


def _snapshot(services: Services, context: LaunchContext) -> Snapshot:
    registration = services.registry.get(context.registration)
    if registration is None:
        raise NotFound("registration is gone")
    patient = _patient_name(services, context)
    config = services.gate.label(context)
    return Snapshot(
        launch_id=context.launch_id,
        patient=patient,
        user_name=services.user_name(context),
        site_name=registration.site.name,
        help_desk=registration.site.help_desk,
        safety_contact=registration.site.safety_contact,
        locale=registration.site.locale,
        patient_banner=context.need_patient_banner,
        styled=context.style_url != "",
        model=ModelLabel(
            name=config.label if config else NO_LANGUAGE_MODEL,
            language_model=config is not None,
            data_handling=config.data_handling if config else "",
        ),
        conversation=msgspec.convert(
            services.conversations.turns(context.launch_id), tuple[StoredTurn, ...]
        ),
    )


def _patient_name(services: Services, context: LaunchContext) -> PatientName:
    """Return the name that the card showed: asking who this is reads nothing of the chart."""
    if PATIENT in session:
        return msgspec.convert(session[PATIENT], PatientName)
    shown = banner(services.charts.get(context))
    return PatientName(family=shown.family, given=shown.given, born=shown.born)


def _json(value: object) -> Response:
    return Response(orjson.dumps(msgspec.to_builtins(value)), mimetype="application/json")
