"""Give each turn what it needs: the chart, the model that its launch may use, what that model was told before.

And have the provider keep the beginning of the conversation, once a launch, as soon as its card was read.
"""

import logging
import threading
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from app.agent.charts import Charts
from app.agent.gate import ModelGate
from app.agent.library import background
from app.agent.prompt import compose
from app.agent.services import ModelCall, TurnServices
from app.audit.log import AuditLog, Detail, Who
from app.errors import ChartsideError
from app.fhir.citation import HANDLES
from app.launch_context import LaunchContext
from app.llm.catalog import Catalog
from app.llm.errors import ModelFailed
from app.llm.history import Exchange, history, most_characters, unpack
from app.llm.port import Model, Turn, Usage
from app.settings import Secret
from app.store.ports import ConversationStore
from app.store.seal import opaque
from app.tools.chart_tools import CHART_TOOLS
from app.tools.registry import Registry

WARM = "warm"
log = logging.getLogger("chartside.agent")


class Turns:
    """The turns of one process."""

    def __init__(
        self,
        *,
        charts: Charts,
        catalog: Catalog,
        gate: ModelGate,
        conversations: ConversationStore,
        audit: AuditLog,
        key: Secret,
        clock: Callable[[], datetime],
        ready: Callable[[str], None] = lambda _: None,
        may_ask: Callable[[LaunchContext], bool] = lambda context: context.may("chat"),
        is_ready: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """`key` names launches to a provider's cache: the same name each time, and it says nothing.

        `clock` is real time, for budgets: a sandbox chart's own stands still. `ready(launch_id)` makes sure, before a
        model is asked, that the EHR's token outlives its answer; `is_ready(launch_id)` tells whether it does already.
        `may_ask(context)` tells whether this launch asks anything.
        """
        self._charts = charts
        self._catalog = catalog
        self._gate = gate
        self._conversations = conversations
        self._audit = audit
        self._key = key
        self._clock = clock
        self._ready = ready
        self._may_ask = may_ask
        self._is_ready = is_ready
        self._lock = threading.Lock()
        self._warmed: set[str] = set()

    def at_hand(self, context: LaunchContext) -> bool:
        """Tell whether a turn of a launch can begin without asking its EHR for anything."""
        return self._gate.is_known(context) and self._is_ready(context.launch_id)

    def services(
        self,
        context: LaunchContext,
        asked: str = "",
        on_exchange: Callable[[Exchange], None] | None = None,
        *,
        begins: bool = True,
        ready: bool = False,
    ) -> TurnServices:
        """Return what one turn of a launch needs; `asked` is a model for this turn only.

        `begins`: a person asks; False where the conversation's beginning is only sent ahead. `ready`: the EHR's token
        is known to live long enough.

        Raises:
            ModelNotAllowed: the model may not be used (any more).
            ModelFailed: it cannot be used at all.
            SessionEnded, EhrUnavailable: the launch has no token any more, or the EHR gives none now.
        """
        model_id, notice = self._gate.for_turn(context, asked)
        if not ready:
            self._ready(context.launch_id)
        model, config = self._model(context, model_id), self._catalog.config(model_id)
        offered = self._catalog.offered(model_id)
        limits = [n for n in (config and config.most_tokens, offered and offered.most_tokens) if n]
        told = model.language_model
        chart = self._charts.for_models(context) if told else self._charts.get(context)
        if begins:
            chart.begin_turn()
        if not told and chart.labels.differ:
            # What the chart itself answered the clinician may hold what no model may be told, now or later.
            on_exchange = None
        why_none = ""
        if not model.language_model:
            why_none = self._gate.why_none(context, self._gate.standing(context), asked)
        return TurnServices(
            launch_chart=chart,
            registry=Registry(CHART_TOOLS, chart, context),
            model=model,
            zone=ZoneInfo(context.time_zone),
            clock=self._clock,
            data_handling=config.data_handling if config else "",
            model_id=model_id,
            notice=notice,
            history=self._history(context, model_id) if model.language_model else (),
            digest=lambda: self._charts.digest(context),
            session=opaque(self._key, "provider-session", context.launch_id),
            most_tokens=min(limits, default=4096),
            ways=lambda: self._gate.ways(context, model_id),
            why_no_model=why_none,
            on_model_begun=lambda: self._begun(context, model_id, model),
            on_model_call=lambda call: self._called(context, model_id, call),
            on_refusal=lambda code, count: self._refused(context, code, count),
            on_exchange=on_exchange,
        )

    def warm(self, context: LaunchContext, *, anew: bool = False) -> None:
        """Send the beginning of the conversation ahead, in the background; nothing if no language model is on.

        Once a launch, and `anew` once for another model that was chosen. Where nobody may ask, no model is told anything.
        """
        if not self._may_ask(context):
            return
        with self._lock:
            if context.launch_id in self._warmed and not anew:
                return
            self._warmed.add(context.launch_id)
        # A launch without a language model starts no thread and reads nothing.
        if any(not offer.why_not for offer in self._gate.offers(context)):
            threading.Thread(target=self._warm, args=(context,), name="warm", daemon=True).start()

    def drop(self, launch_id: str) -> None:
        """Forget an ended launch."""
        with self._lock:
            self._warmed.discard(launch_id)

    def _warm(self, context: LaunchContext) -> None:
        try:
            current = self._gate.standing(context)
            if not current.may(current.current):
                return
            services = self.services(context, current.current, begins=False)
            if not services.model.language_model:
                return
            request = compose(services, ())
            # The words that answers are held to are found once a chart: better now than while a clinician waits.
            background(services.launch_chart, services.zone, "").lexicon.mentions("")
            self._called(context, current.current, _warm_call(services))
            services.model.warm(request)
        except ChartsideError as error:  # the turn itself will say it
            log.info("warm.failed", extra={"launch": context.launch_id, "code": error.code})
        except Exception as error:  # noqa: BLE001  # a thread's end: its traceback would be printed with what it quotes
            said = {"launch": context.launch_id, "error": type(error).__name__}
            log.error("warm.failed", extra=said)

    def _model(self, context: LaunchContext, model_id: str) -> Model:
        try:
            return self._catalog.model(model_id)
        except ModelFailed as error:
            self._refused(context, error.code, 1)
            raise

    def _history(self, context: LaunchContext, model_id: str) -> tuple[Turn, ...]:
        kept = [unpack(packed) for packed in self._conversations.transcripts(context.launch_id)]
        config, offered = self._catalog.config(model_id), self._catalog.offered(model_id)
        size = (config.context_tokens if config else 0) or (
            offered.context_tokens if offered else 0
        )
        key = self._catalog.model(model_id).key
        return history(kept, key, HANDLES.findall, most_characters(size))

    def _begun(self, context: LaunchContext, model_id: str, model: Model) -> None:
        """Note that a language model is about to be told of the chart: a process that is killed leaves this."""
        if model.language_model:
            detail: Detail = {"id": model_id, "model": model.name, "version": model.version}
            self._audit.record("model_begun", Who.of(context), detail)

    def _called(self, context: LaunchContext, model_id: str, call: ModelCall) -> None:
        detail: Detail = {
            "id": model_id,
            "model": call.model,
            "version": call.version,
            "language_model": call.language_model,
            "stop": call.stop,
            "tools": list(call.tools),
            "input_tokens": call.usage.input_tokens,
            "output_tokens": call.usage.output_tokens,
            "cached_tokens": call.usage.cached_tokens,
        }
        self._audit.record("model_call", Who.of(context), detail)

    def _refused(self, context: LaunchContext, code: str, count: int) -> None:
        self._audit.record("refusal", Who.of(context), {"code": code, "count": count})


def _warm_call(services: TurnServices) -> ModelCall:
    """Return what the audit is told before anything is sent ahead: how it ends is not known to us."""
    model = services.model
    return ModelCall(
        model=model.name, version=model.version, language_model=True, stop=WARM, tools=(), usage=Usage(),
    )  # fmt: skip
