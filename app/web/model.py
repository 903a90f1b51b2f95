"""Which model answers: what a launch may choose from, and its choice. The gate decides, nothing here does."""

import msgspec
import orjson
from flask import Blueprint, Response, request

from app.agent.gate import Offer
from app.fhir.dates import day
from app.launch_context import LaunchContext
from app.llm.catalog import NO_MODEL
from app.web.session import current_launch
from app.web.wire import ModelChoice, ModelChoices
from app.wiring import Services

NO_LANGUAGE_MODEL = "No language model"


class _Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """Body of `PUT /api/launches/{launch}/model`."""

    id: str


def blueprint(services: Services) -> Blueprint:
    """Return the routes of the model choice; every one needs the launch's key."""
    routes = Blueprint("model", __name__)

    @routes.get("/api/launches/<launch_id>/model")
    def read(launch_id: str) -> Response:
        return _answer(services, current_launch(launch_id))

    @routes.put("/api/launches/<launch_id>/model")
    def choose(launch_id: str) -> Response:
        context = current_launch(launch_id)
        services.gate.choose(context, _chosen())
        services.turns.warm(context, anew=True)
        return _answer(services, context)

    return routes


def _answer(services: Services, context: LaunchContext) -> Response:
    standing = services.gate.standing(context)
    none = ModelChoice(
        id=NO_MODEL, name=NO_LANGUAGE_MODEL, language_model=False, data_handling="", local=True
    )
    found = ModelChoices(
        current=standing.current,
        choices=(*(_choice(services, offer) for offer in standing.offers), none),
        notice=standing.refusal.public if standing.refusal else standing.instead,
        why_none=services.gate.why_none(context, standing),
    )
    return Response(orjson.dumps(msgspec.to_builtins(found)), mimetype="application/json")


def _choice(services: Services, offer: Offer) -> ModelChoice:
    config, listed = offer.config, services.catalog.offered(offer.config.id)
    return ModelChoice(
        id=config.id,
        name=config.label,
        language_model=True,
        data_handling=config.data_handling,
        local=config.local,
        why_not=offer.why_not,
        retires=day(listed.retires) if listed and listed.retires else "",
    )


def _chosen() -> str:
    """Return the id in the body; one that names none is refused by the gate like an unknown one."""
    try:
        return msgspec.json.decode(request.get_data(), type=_Chosen).id
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return ""
