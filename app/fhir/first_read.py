"""Begin a chart: the first page of every section of the card, and of those that are asked for all that follows.

The Patient is asked for first. Of no section more than that first page is read, and of a section beside the card
nothing, before it is known that this chart may be shown.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import replace

from app.errors import ChartsideError, EhrRefused, EhrUnavailable, SessionEnded
from app.fhir.glass import ChartRestricted
from app.fhir.merged import RecordMerged, is_merged
from app.fhir.sections import BY_NAME, FIRST, SectionName
from app.fhir.source import ChartSource, Denied, Failed, Read, Restricted


class FirstRead:
    """One first read of a chart, by several threads: `read` a section of `names`, in their order.

    `begun` holds the first pages of sections that are read on, for the audit of a read that fails later.
    """

    def __init__(self, source: ChartSource, whole: Sequence[SectionName]) -> None:
        self._source = source
        self._whole = frozenset(whole)
        self._patient: Future[Read] = Future()
        # Those that are expected to be long first, so that nothing long is left for the end.
        more = sorted(dict.fromkeys(whole), key=lambda name: -BY_NAME[name].count)
        self.names = tuple(dict.fromkeys((*FIRST, *more)))
        self.begun: dict[SectionName, Read] = {}

    def read(self, name: SectionName) -> Read:
        """Return a section as far as it is asked for.

        Raises:
            SessionEnded: the access token is gone.
            ChartsideError: as `demand_identity`, or RecordMerged; of a section beside the card only.
        """
        if name == "patient":
            return self._read_patient()
        if name not in FIRST:
            self._demand_shown()
            return self._source.search(BY_NAME[name].whole_query)
        section = BY_NAME[name]
        asked = section.whole_query if name in self._whole else section.query
        page = self._source.search(replace(asked, pages=1))
        if name not in self._whole or not page.next_token or not self._is_shown():
            return page
        self.begun[name] = page
        return self._source.more(page)

    def _read_patient(self) -> Read:
        try:
            found = self._source.read_patient()
        except BaseException as error:
            self._patient.set_exception(error)
            raise
        self._patient.set_result(found)
        return found

    def _demand_shown(self) -> None:
        patient = self._patient.result()
        demand_identity(patient)
        if patient.merged or is_merged(next(iter(patient.resources), {})):
            raise RecordMerged("the launched Patient was replaced")

    def _is_shown(self) -> bool:
        try:
            self._demand_shown()
        except ChartsideError:
            return False
        return True


def demand_identity(patient: Read) -> None:
    """Refuse to show a chart without the Patient it belongs to; the snapshot before stays as it is.

    Raises:
        SessionEnded: the EHR takes the token no more (401).
        EhrRefused: the Patient may not be read.
        ChartRestricted: the EHR shows the Patient only to who breaks the glass.
        EhrUnavailable: the Patient could not be read.
    """
    state = patient.completeness
    if isinstance(state, Denied):
        if state.http_status == 401:
            raise SessionEnded("the EHR refused the token (401)")
        raise EhrRefused(
            "the Patient was refused", http_status=state.http_status, scope=state.scope
        )
    if isinstance(state, Restricted) and not patient.resources:
        raise ChartRestricted("the EHR restricts the Patient")
    if isinstance(state, Failed) and not patient.merged:
        raise EhrUnavailable(f"the Patient could not be read: {state.reason}")
