"""The exception tree. Every deliberate error carries an HTTP status, a stable code and a public sentence.

    ChartsideError
    ├── ConfigurationError      a setting or a registration is wrong: the process does not start
    ├── LaunchError             a launch cannot go on (see `app.smart`)
    ├── SwitchedOff             IT has switched Chartside off, for this EHR or at all
    │   └── ActionSwitchedOff   IT has switched one action off; the rest goes on
    ├── SessionEnded            no live launch for this key
    ├── BoundaryRefused         an outbound request left the registered hosts
    │   └── Redirected          a registered host pointed elsewhere; it was not followed
    ├── EhrUnavailable          the EHR did not answer in time, or answered 5xx or not FHIR
    │   ├── AnswerTooLarge      the EHR sent more bytes than are read of one answer
    │   ├── LimitReached        the site's limit of requests to the EHR is reached
    │   └── NotRead             there is no allowed way to ask for this, or the answer holds no records
    ├── EhrRefused              the EHR answered 401 or 403
    ├── EhrBusy                 the EHR answered 429
    ├── CompartmentViolation    a resource of another patient
    ├── RecordMerged            the Patient was merged into another record (`app.fhir.merged`)
    ├── ChartRestricted         the EHR shows this patient only to who breaks the glass (`app.fhir.glass`)
    ├── UnknownHandle           a citation that this launch never issued
    ├── ToolRefused             a tool call outside its schema or budget
    ├── NoConversion            no factor between two units (`app.tools.calculators.units`)
    ├── ViewRefused             a ViewDefinition that needs what is not supported: it is named
    ├── ViewStopped             a view met data that it cannot put into a row
    ├── FlattenFailed           no tables were written (`app.warehouse.flatten.errors`)
    ├── SparkStopped            Spark is not there, or gave no answer (`app.warehouse.spark.errors`)
    ├── CohortRefused           a cohort question that may not, or cannot, be answered
    │   └── NotAnalyst          the registration does not name this user
    ├── TurnRefused             a turn that cannot start (one runs already, budget spent, empty)
    │   ├── TurnRepeated        its id was used before
    │   └── RoleMayNot          the user's role asks no questions here
    ├── ModelFailed             a model gave no whole answer; its kinds: `app.llm.errors`
    ├── TurnCut                 a model's stream ended without its end (`app.agent.errors`)
    ├── McpRefused              no access for an MCP host (`app.mcp.errors`)
    │   ├── McpEnded            its launch has ended, or its token has expired
    │   ├── McpHostRefused      the site does not name this host
    │   ├── McpOptedOut         the patient asked that no AI be used
    │   ├── McpOtherPatient     a connection was begun for another patient
    │   ├── McpScopeMissing     the token lacks a scope that its launch has
    │   ├── SharpRefused        a FHIR context in headers that is not complete, or not of this site
    │   │   └── SharpUnproved   the EHR does not confirm it for this patient and no other
    │   ├── ClientRefused       no registration knows this application
    │   ├── OAuthRefused        a request to the authorization server that does not hold
    │   └── McpBusy             more calls than the site allows
    ├── AuditFailed             the audit log takes nothing more
    ├── ExportFailed            a bulk export ended without its files (`app.warehouse.bulk.errors`)
    │   ├── ExportLost          the EHR knows the export no longer
    │   └── ExportRefused       the EHR does not take this request for an export
    ├── FacadeRefused           a FHIR request that the store's facade does not answer (`app.warehouse.facade.errors`)
    ├── ExportRunning           another process works on the same data set
    └── NotFound                no such turn or source in this launch
        └── McpHandleUnknown    a handle that an MCP host's chart of now never issued

`public` is for the clinician: one sentence, no patient data, no address.
"""

from typing import ClassVar


class ChartsideError(Exception):
    """Base of all deliberate errors; the message is for operators and holds no patient data."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    public: str = "Something went wrong. Nothing has been written to the EHR."


class ConfigurationError(ChartsideError):
    """A setting or registration is wrong; the message names the variable or key."""

    code = "configuration"
    public = "Chartside is not configured correctly. Ask the help desk."


class LaunchError(ChartsideError):
    """A launch cannot go on; subclasses in `app.smart.errors` say why."""

    status = 400
    code = "launch.refused"
    public = "The launch did not succeed. Open Chartside again from the chart in the EHR."


class SwitchedOff(ChartsideError):
    """IT has switched Chartside off; `words` say what, why, and whom to call."""

    status = 503
    code = "switched_off"
    public = "The IT department has switched Chartside off."

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.public = words


class ActionSwitchedOff(SwitchedOff):
    """IT has switched one action off."""

    code = "action.switched_off"
    public = "The IT department has switched this off."


class SessionEnded(ChartsideError):
    """The launch key names no live launch."""

    status = 401
    code = "session.ended"
    public = "Your session has ended. Open Chartside again from the chart in the EHR."


class BoundaryRefused(ChartsideError):
    """An outbound request would have left the registered origins."""

    status = 502
    code = "boundary.refused"
    public = "The EHR pointed to an address that is not registered. Nothing was sent there."


class Redirected(BoundaryRefused):
    """A registered host answered with a redirect. It is never followed: the token would travel.

    `location` and `body` (parsed JSON, None if it is none) are as sent: evidence, not an address to ask.
    """

    code = "boundary.redirected"
    public = "The EHR pointed to another address. It was not followed, and nothing was sent there."

    def __init__(self, message: str, *, location: str, body: object) -> None:
        super().__init__(message)
        self.location = location
        self.body = body


class EhrUnavailable(ChartsideError):
    """The EHR timed out, answered 5xx, or answered something that is not FHIR JSON."""

    status = 503
    code = "ehr.unavailable"
    public = (
        "The EHR does not answer. The chart cannot be read. "
        "Use the EHR itself, or your downtime procedure."
    )


class AnswerTooLarge(EhrUnavailable):
    """The EHR answered with more bytes than are read."""

    code = "ehr.too_large"


class LimitReached(EhrUnavailable):
    """The site's own limit of requests to the EHR is reached; nothing more was asked."""

    code = "ehr.limit"
    public = "This site's limit of requests to the EHR is reached. What is missing was not read: use the EHR itself."


class NotRead(EhrUnavailable):
    """Not asked, because there is no allowed way to (a tool that is not approved), or answered without records.

    The message is shown to the clinician as it stands.
    """

    code = "ehr.not_read"
    public = "This part of the chart cannot be read here. Use the EHR itself."


class EhrRefused(ChartsideError):
    """The EHR answered 401 or 403; `scope` names what is missing when it is known."""

    status = 403
    code = "ehr.refused"
    public = "The EHR refused to show this part of the chart."

    def __init__(self, message: str, *, http_status: int, scope: str = "") -> None:
        super().__init__(message)
        self.http_status = http_status
        self.scope = scope


class EhrBusy(ChartsideError):
    """The EHR answered 429; `retry_after_s` is what it asked for, None when it did not say."""

    status = 503
    code = "ehr.busy"
    public = "The EHR is busy and asked to wait. Try again in a moment."

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CompartmentViolation(ChartsideError):
    """A resource belongs to another patient than the launched one."""

    status = 502
    code = "ehr.other_patient"
    public = "The EHR sent data of another patient. It was dropped and is not shown."


class UnknownHandle(ChartsideError):
    """A citation handle that this launch never issued."""

    status = 404
    code = "citation.unknown"
    public = "This source does not exist."


class ToolRefused(ChartsideError):
    """A tool call outside its schema, scope or budget; the message is told to the model."""

    status = 400
    code = "tool.refused"
    public = "A look-up was refused."


class ViewRefused(ChartsideError):
    """A ViewDefinition is wrong or needs what is not supported; the message names the function or element."""

    status = 422
    code = "view.refused"
    public = "This view of the data cannot be used."


class ViewStopped(ChartsideError):
    """A view met data that it cannot put into a row; nothing of it may be used. The message holds no value."""

    status = 500
    code = "view.stopped"
    public = "This view of the data stopped. Nothing of it is shown."


class CohortRefused(ChartsideError):
    """A question about many patients that this person may not ask, or whose answer would say too much; the message says why."""

    status = 403
    code = "cohort.refused"
    public = "This question about many patients is not answered here."


class NotAnalyst(CohortRefused):
    """The registration does not name this user as an analyst."""

    code = "cohort.not_analyst"
    public = "You are not registered for questions about many patients here. Ask the IT department."


class TurnRefused(ChartsideError):
    """A turn that cannot start."""

    status = 409
    code = "turn.refused"
    public = "An answer is still being written. Stop it first, or wait."


class RoleMayNot(TurnRefused):
    """The user's role may not ask questions here (`[users] limited`)."""

    status = 403
    code = "turn.role"
    public = (
        "Your role does not ask Chartside questions at this site. The launch card is yours to read."
    )


class TurnRepeated(TurnRefused):
    """A turn whose id this launch has used: its answer could not be kept."""

    code = "turn.repeated"
    public = "This question was sent before. Ask it again."


class AuditFailed(ChartsideError):
    """What was done could not be written to the audit log, so it is not done."""

    status = 503
    code = "audit.failed"
    public = (
        "Chartside cannot keep its audit log now. Try again in a moment, or use the EHR itself."
    )


class NotFound(ChartsideError):
    """No such turn or source in this launch."""

    status = 404
    code = "not_found"
    public = "This does not exist, or it belongs to another launch."
