"""What the JSON endpoints answer, beside the chart's own pieces (`app.fhir.display`) and the turn's events.

TypeScript types are generated from here.
"""

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class LaunchPage:
    """Data of `GET /smart/{slug}/launch` and `/standalone`: where to go, and the bind secret to carry there.

    `form` is posted there where it holds anything; else the browser only goes there.
    """

    page: str
    authorize: str
    state: str
    bind: str
    form: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class McpToken:
    """Answer of `POST /api/launches/{launch}/mcp-token`, in the words of RFC 6749 5.1; `url` is where it counts."""

    access_token: str = field(repr=False)
    expires_in: int
    scope: str
    url: str
    host: str
    token_type: str = "Bearer"


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    """Data of any page that can only say one thing."""

    page: str
    title: str
    text: str
    code: str
    reference: str
    help_desk: str


@dataclass(frozen=True, kw_only=True)
class SelftestPage:
    """Data of `GET /selftest/{slug}`: which registration's frame is tested."""

    page: str
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CookiesSeen:
    """Answer of `GET /selftest/{slug}/cookies`: which of the page's two cookies came back."""

    partitioned: bool
    plain: bool


@dataclass(frozen=True, kw_only=True)
class LaunchCompleted:
    """Answer of `POST /api/launches/complete` and `POST /l/{launch}/resume`: the key, shown once.

    Where the launch was made for another application there is no key, and the page goes on to `next`. `analyst` is the registration's
    slug where an analyst has signed in: the key is that of their session, and there is no launch.
    """

    launch_id: str
    key: str
    next: str = ""
    analyst: str = ""


@dataclass(frozen=True, kw_only=True)
class LaunchLife:
    """Answer of `GET` (which is no use of the launch) and `POST` (which is) `/api/launches/{launch}/life`.

    Seconds until it ends without use, and whatever is done; `warn_s`: how long before that the page says so.
    """

    idle_s: int
    absolute_s: int
    warn_s: int


@dataclass(frozen=True, kw_only=True)
class PatientName:
    """Enough to ask "is this the patient you mean" before anything of the chart is shown."""

    family: str
    given: str
    born: str


@dataclass(frozen=True, kw_only=True)
class ModelLabel:
    """What answers: `name` "No language model" when none is configured (`language_model` False)."""

    name: str
    language_model: bool
    data_handling: str


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """One row of the picker. `why_not` is a sentence when it cannot be chosen, else ""; `retires` a printed date."""

    id: str
    name: str
    language_model: bool
    data_handling: str
    local: bool
    why_not: str = ""
    retires: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelChoices:
    """Answer of `GET` and `PUT /api/launches/{launch}/model`.

    `notice` says why none is offered (opt-out), else ""; `why_none` why no language model answers now, "" where one does.
    """

    current: str
    choices: tuple[ModelChoice, ...]
    notice: str = ""
    why_none: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredTurn:
    """One finished turn: the question and its events, to be replayed through the same reducer."""

    turn_id: str
    question: str
    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class StyleColor:
    """One colour of the page: `name` is a token (bg, ink, brand, brand-ink), `value` is #rrggbb."""

    name: str
    value: str


@dataclass(frozen=True, kw_only=True)
class PageStyle:
    """Answer of `GET /api/launches/{launch}/style`: the EHR's look, checked (`app.smart.style`).

    `colors` are pairs of a token's name and `#rrggbb`, for one `scheme`; 0 and "" leave the page's own.
    """

    scheme: Literal["light", "dark"]
    colors: tuple[StyleColor, ...]
    font_size_px: int
    font_family: str


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """Answer of `GET /api/launches/{launch}`: who, for whom, with what, and the conversation so far.

    `patient_banner` False: the EHR shows the patient's banner itself, so one line is enough; never none.
    `styled`: the EHR sent a look of its own, to be asked for.
    """

    launch_id: str
    patient: PatientName
    user_name: str
    site_name: str
    help_desk: str
    safety_contact: str
    locale: str
    patient_banner: bool
    styled: bool
    model: ModelLabel
    conversation: tuple[StoredTurn, ...]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Every error answer (application/problem+json, RFC 9457). `reference` is for the help desk."""

    status: int
    code: str
    title: str
    detail: str
    reference: str
    help_desk: str
    retry_after_s: int | None = None


@dataclass(frozen=True, kw_only=True)
class AnalystPage:
    """Data of `GET /analyst/{slug}/`: whose data are asked about; nothing of any patient."""

    page: str
    slug: str
    name: str


@dataclass(frozen=True, kw_only=True)
class CohortSet:
    """A value set of the rules of care, and the kinds of records that it is for."""

    name: str
    kinds: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CohortParameter:
    """A number of a query that ships, with its bounds."""

    name: str
    words: str
    default: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class CohortQuery:
    """A query that ships."""

    name: str
    title: str
    parameters: tuple[CohortParameter, ...]


@dataclass(frozen=True, kw_only=True)
class CohortRule:
    """A rule of care that is counted over all patients."""

    key: str
    title: str


@dataclass(frozen=True, kw_only=True)
class AnalystDesk:
    """Answer of `GET /api/analyst/{slug}`. `as_of` is printed, "" where nothing was exported; `lists`: may see which patients these are.

    `whole`: there is an export of all patients beside those of `groups`. `idle_s`: seconds without a question after which the session ends, and the page shows nothing any more.
    """

    user: str
    site_name: str
    help_desk: str
    as_of: str
    idle_s: int
    lists: bool
    whole: bool
    groups: tuple[str, ...]
    sets: tuple[CohortSet, ...]
    queries: tuple[CohortQuery, ...]
    rules: tuple[CohortRule, ...]


@dataclass(frozen=True, kw_only=True)
class CohortMark:
    """One row of a chart: `n` is None where the count is not shown."""

    label: str
    n: int | None
    shown: str


@dataclass(frozen=True, kw_only=True)
class CohortTable:
    """Counts as they may be shown, what they count and what is left out; `marks` where they can be drawn."""

    words: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    marks: tuple[CohortMark, ...]


@dataclass(frozen=True, kw_only=True)
class CohortAnswer:
    """Answer of `POST /api/analyst/{slug}/ask`. `refused` says why there is none, else ""; `csv` is the same as a file."""

    refused: str
    tables: tuple[CohortTable, ...]
    csv: str


@dataclass(frozen=True, kw_only=True)
class CohortPatient:
    """One patient of a list: an id, and the EHR's own address of the chart ("": the registration has none)."""

    id: str
    chart: str


@dataclass(frozen=True, kw_only=True)
class CohortPatients:
    """Answer of `POST /api/analyst/{slug}/list`."""

    refused: str
    patients: tuple[CohortPatient, ...]


@dataclass(frozen=True, kw_only=True)
class CohortGroup:
    """Answer of `POST /api/analyst/{slug}/group`: a FHIR Group as text, to be saved as it is."""

    refused: str
    text: str
