"""The analyst's page and its API: questions about many patients, by the tools of `app.tools.cohort_tools`, in no patient's launch.

Every request needs the key of an analyst's session; who they are, what the registration lets them and whether it is switched on is asked
each time. A list of patients needs the right to lists, and a chart is opened by the EHR. Refusals of a question are answers, so that
nothing of the question reaches a log.
"""

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import msgspec
import orjson
from flask import Blueprint, Response, request

from app.errors import CohortRefused, ToolRefused
from app.fhir.dates import day
from app.fhir.measures.rules import load
from app.smart.analyst import Analyst
from app.smart.errors import UnknownIssuer
from app.smart.registration import Registration
from app.web.assets import Frontend
from app.web.launch import going
from app.web.session import launch_key
from app.web.wire import (
    AnalystDesk,
    AnalystPage,
    CohortAnswer,
    CohortGroup,
    CohortMark,
    CohortParameter,
    CohortPatient,
    CohortPatients,
    CohortQuery,
    CohortRule,
    CohortSet,
    CohortTable,
    McpToken,
)
from app.wiring import Services

if TYPE_CHECKING:
    from app.warehouse.cohort.answers import Table

T = TypeVar("T")
Name = Annotated[str, msgspec.Meta(max_length=64)]
Status = Literal["met", "not met", "excluded", "cannot tell"]


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call of a tool; `group` names a data set of `[bulk] groups`, "" the whole."""

    tool: Name
    arguments: dict[str, Any]
    group: Name = ""


class _Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose patients are listed: those of `criteria`, or of one status of a rule of care."""

    criteria: dict[str, Any] | None = None
    rule: Name = ""
    status: Status = "not met"
    group: Name = ""


class _Saved(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cohort to be saved as a FHIR Group; with `members` it names the patients."""

    criteria: dict[str, Any]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
    members: bool = False
    group: Name = ""


class _Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An id of `[mcp_server] hosts`, which may ask for counts on the analyst's behalf."""

    host: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]


def blueprint(services: Services, frontend: Frontend) -> Blueprint:
    """Return the page, for every registration that names analysts, and its API."""
    routes = Blueprint("analyst", __name__)

    @routes.get("/smart/<slug>/analyst")
    def sign_in(slug: str) -> Response:
        services.cohorts.offers(slug)
        registration, iss = services.registry.by_iss(slug, request.args.getlist("iss"))
        launches = request.args.getlist("launch")
        if len(launches) != 1 or not launches[0]:
            raise UnknownIssuer(f"{len(launches)} launch parameters")
        return going(
            frontend, services.launcher.begin(registration, iss, launches[0], analyst=True)
        )

    @routes.get("/analyst/<slug>/")
    def page(slug: str) -> Response:
        data = AnalystPage(page="analyst", slug=slug, name=services.cohorts.offers(slug).name)
        return Response(frontend.page("src/main.tsx", data), mimetype="text/html")

    _add_api(routes, services)
    return routes


def _add_api(routes: Blueprint, services: Services) -> None:
    def entered(slug: str) -> Analyst:
        return services.cohorts.enter(slug, launch_key(request))

    @routes.get("/api/analyst/<slug>")
    def desk(slug: str) -> Response:
        return _json(_desk(services, entered(slug)))

    @routes.delete("/api/analyst/<slug>")
    def leave(slug: str) -> Response:
        services.cohorts.leave(entered(slug))
        return Response(status=204)

    @routes.post("/api/analyst/<slug>/ask")
    def ask(slug: str) -> Response:
        return _json(_asked(services, entered(slug), _body(_Asked)))

    @routes.post("/api/analyst/<slug>/list")
    def listed(slug: str) -> Response:
        return _json(_listed(services, entered(slug), _body(_Listed)))

    @routes.post("/api/analyst/<slug>/mcp-token")
    def mcp_token(slug: str) -> Response:
        minted = services.cohort_hosts.mint(entered(slug), _body(_Host).host)
        return _json(
            McpToken(
                access_token=minted.token,
                expires_in=minted.expires_in_s,
                scope=minted.scope,
                url=minted.url,
                host=minted.host,
            )
        )

    @routes.post("/api/analyst/<slug>/group")
    def group(slug: str) -> Response:
        return _json(_group(services, entered(slug), _body(_Saved)))


def _asked(services: Services, analyst: Analyst, asked: _Asked) -> CohortAnswer:
    from app.tools.cohort_tools import CohortRegistry  # noqa: PLC0415  # loads DuckDB
    from app.warehouse.cohort.printed import as_csv, series  # noqa: PLC0415

    try:
        ask = services.cohorts.ask(analyst, asked.group, "page")
    except CohortRefused as error:
        return CohortAnswer(refused=str(error), tables=(), csv="")
    result = CohortRegistry(ask).call(asked.tool, asked.arguments)
    if result.is_error:
        return CohortAnswer(refused=result.text, tables=(), csv="")
    tables = tuple(
        _table(one, tuple(CohortMark(label=m.label, n=m.n, shown=m.shown) for m in series(one)))
        for one in result.tables
    )
    # Words without a table: the list of named queries.
    words = (CohortTable(words=result.text, columns=(), rows=(), notes=(), marks=()),)
    return CohortAnswer(refused="", tables=tables or words, csv=as_csv(result.tables))


def _table(found: "Table", marks: tuple[CohortMark, ...]) -> CohortTable:
    return CohortTable(
        words=found.words, columns=found.columns, rows=found.rows, notes=found.notes, marks=marks
    )


def _listed(services: Services, analyst: Analyst, asked: _Listed) -> CohortPatients:
    from app.warehouse.cohort.criteria import read  # noqa: PLC0415  # loads DuckDB

    rules = {rule.key: rule for rule in load().rules}
    registration = services.cohorts.offers(analyst.slug)
    try:
        ask = services.cohorts.ask(analyst, asked.group, "page")
        if asked.criteria is not None:
            found = ask.patients(read(orjson.dumps(asked.criteria)))
        elif asked.rule in rules:
            found = ask.measured(rules[asked.rule], asked.status)
        else:
            raise CohortRefused("no such rule")
    except CohortRefused as error:
        return CohortPatients(refused=str(error), patients=())
    link = registration.bulk.chart_link if registration.bulk else ""
    patients = (CohortPatient(id=one, chart=link.replace("{patient}", one)) for one in found)
    return CohortPatients(refused="", patients=tuple(patients))


def _group(services: Services, analyst: Analyst, asked: _Saved) -> CohortGroup:
    from app.warehouse.cohort.criteria import read  # noqa: PLC0415  # loads DuckDB
    from app.warehouse.cohort.groups import definition  # noqa: PLC0415

    try:
        ask = services.cohorts.ask(analyst, asked.group, "page")
        cohort = read(orjson.dumps(asked.criteria))
        make = ask.group if asked.members else partial(definition, ask)
        found = make(cohort, asked.name)
    except CohortRefused as error:
        return CohortGroup(refused=str(error), text="")
    return CohortGroup(refused="", text=orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())


def _desk(services: Services, analyst: Analyst) -> AnalystDesk:
    registration = services.cohorts.offers(analyst.slug)
    bulk = registration.bulk
    return AnalystDesk(
        user=analyst.user_name or analyst.user_reference, site_name=registration.site.name,
        help_desk=registration.site.help_desk, as_of=_as_of(services, registration),
        idle_s=60 * registration.session.idle_minutes,
        lists=bulk is not None and analyst.user_reference in bulk.lists,
        whole=bulk is None or bulk.level != "group", groups=bulk.groups if bulk else (),
        sets=_sets(), queries=_queries(), rules=tuple(CohortRule(key=r.key, title=r.title) for r in load().rules),
    )  # fmt: skip


def _as_of(services: Services, registration: Registration) -> str:
    """Return the day of the records of the first data set that there is, printed; "" where nothing was exported."""
    from app.warehouse.cohort.opening import snapshot_of  # noqa: PLC0415  # loads DuckDB

    groups = ("", *(registration.bulk.groups if registration.bulk else ()))
    every = (snapshot_of(services.settings.warehouse, registration, one) for one in groups)
    found = next((one[1] for one in every if one), None)
    return day((found.data_as_of or found.built_at)[:10]) if found else ""


def _sets() -> tuple[CohortSet, ...]:
    from app.warehouse.cohort.criteria import value_sets  # noqa: PLC0415  # loads DuckDB
    from app.warehouse.cohort.measures import KINDS  # noqa: PLC0415

    found = {
        one.name: dict.fromkeys(KINDS[s] for s in one.sections if s in KINDS)
        for one in value_sets()
    }
    return tuple(CohortSet(name=name, kinds=tuple(kinds)) for name, kinds in sorted(found.items()))


def _queries() -> tuple[CohortQuery, ...]:
    from app.warehouse.cohort.named import shipped  # noqa: PLC0415

    return tuple(
        CohortQuery(
            name=one.name, title=one.title,
            parameters=tuple(
                CohortParameter(name=name, words=p.words, default=p.default, low=p.low, high=p.high)
                for name, p in one.parameters.items()
            ),
        )
        for one in shipped().values()
    )  # fmt: skip


def _body(kind: type[T]) -> T:
    try:
        return msgspec.json.decode(request.get_data(), type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise ToolRefused("the body does not have the required form") from error


def _json(value: object) -> Response:
    return Response(orjson.dumps(msgspec.to_builtins(value)), mimetype="application/json")
