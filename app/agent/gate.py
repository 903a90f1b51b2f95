"""Which language model a launch may use: the site's list, patient data, and what the patient asked.

Everything is decided anew for each turn, so a model that the site switches off is not used again; nothing that a page
sends is believed. The deterministic assistant is always there.
"""

from dataclasses import dataclass, replace

from app.agent.errors import ModelSwitchedOff, OptOutUnread, PatientOptedOut
from app.agent.opt_out import OptOuts
from app.audit.log import AuditLog, Detail, Who
from app.launch_context import LaunchContext
from app.llm.catalog import NO_MODEL, Catalog
from app.llm.config import ModelConfig
from app.llm.errors import ModelNotAllowed, Way
from app.smart.policy import ANY_MODEL, Models
from app.smart.registration import Registration
from app.smart.registry import Registry
from app.smart.sheet import model_host
from app.smart.switches import Switches
from app.store.ports import ConversationStore

NOT_LISTED = "This site does not allow this language model here."
NO_WAY_OUT = "This site's network does not let data go to this language model."
NO_AGREEMENT = "No agreement covers patient data at this provider."
NONE_LISTED = "This site has set up no language model here."
NONE_BY_DEFAULT = "This site uses none unless one is chosen in the menu."
NONE_CHOSEN = "None was chosen in the menu."
NONE_FOR_THIS = "You asked for rows without one."


@dataclass(frozen=True, kw_only=True)
class Offer:
    """One language model as this site sees it; `why_not` is a sentence when it may not be used.

    `switched_off`: by IT, for now; another one answers meanwhile.
    """

    config: ModelConfig
    why_not: str = ""
    switched_off: bool = False


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What a launch may use now. `refusal` stands where the patient's wish leaves no language model.

    `instead` says that the launch's own model is switched off and what answers in its place, "" when it is not; `chosen` is
    the id that the launch remembers, "" before any.
    """

    current: str
    offers: tuple[Offer, ...]
    refusal: ModelNotAllowed | None = None
    instead: str = ""
    chosen: str = ""

    def may(self, model_id: str) -> bool:
        """Tell whether a model may be used now."""
        able = {offer.config.id for offer in self.offers if not offer.why_not}
        return model_id == NO_MODEL or (self.refusal is None and model_id in able)


class ModelGate:
    """Decides for one process; choices and refusals are audited, by a known id or "unknown"."""

    def __init__(
        self,
        catalog: Catalog,
        registry: Registry,
        opt_outs: OptOuts,
        conversations: ConversationStore,
        audit: AuditLog,
        switches: Switches,
    ) -> None:
        self._catalog = catalog
        self._registry = registry
        self._opt_outs = opt_outs
        self._conversations = conversations
        self._audit = audit
        self._switches = switches

    def standing(self, context: LaunchContext) -> Standing:
        """Return what a launch may use; where a site honours opt-outs, this reads what tells of one."""
        models, offers, chosen = self._offers(context)
        refusal: ModelNotAllowed | None = None
        if any(not offer.why_not for offer in offers):
            match self._opt_outs.asked(context, models.opt_out):
                case "yes":
                    refusal = PatientOptedOut("the patient opted out")
                case "unread":
                    refusal = OptOutUnread("the opt-out could not be read")
                case "no":
                    pass
        if refusal:
            return Standing(current=NO_MODEL, offers=(), refusal=refusal)
        wanted = _wanted(models, offers, chosen)
        current = _current(models, offers, wanted)
        return Standing(
            current=current, offers=offers, chosen=chosen, instead=self._instead(offers, wanted, current)
        )  # fmt: skip

    def choose(self, context: LaunchContext, model_id: str) -> None:
        """Use a model from now on.

        Raises:
            ModelNotAllowed: not here, not now, or no such model.
        """
        standing = self.standing(context)
        self._demand(context, standing, model_id)
        self._conversations.choose_model(context.launch_id, model_id)
        detail: Detail = {"model": model_id, "before": standing.current}
        self._audit.record("model", Who.of(context), detail)

    def for_turn(self, context: LaunchContext, asked: str = "") -> tuple[str, str]:
        """Return the id of what answers a turn: `asked` for this one only, else the launch's own, which is kept.

        The second value says, for the clinician, why it is another one than the launch's own; "" mostly.

        Raises:
            ModelNotAllowed: it may not be used (any more).
        """
        standing = self.standing(context)
        self._demand(context, standing, asked or standing.current)
        # What a launch began with stays its own, so that switching it off is said, not passed over.
        if standing.refusal is None and not standing.chosen:
            self._conversations.begin_model(context.launch_id, standing.current)
        return (asked, "") if asked else (standing.current, standing.instead)

    def demand_running(self, context: LaunchContext, model_id: str) -> None:
        """Refuse to let a model go on that IT has switched off; reads nothing of the chart.

        Raises:
            ModelSwitchedOff: with words for the clinician.
        """
        label = self._label(model_id)
        off = self._switches.models(context.registration, {model_id: label} if label else {})
        if model_id in off:
            raise ModelSwitchedOff(f"model {model_id} is switched off", off[model_id])

    def ways(self, context: LaunchContext, failed: str) -> tuple[Way, ...]:
        """Return the ways on from a model that failed, "" for the launch's own."""
        standing = self.standing(context)
        failed = failed or standing.current
        others = [o for o in standing.offers if not o.why_not and o.config.id != failed]
        ways: list[Way] = ["retry"] if standing.may(failed) else []
        ways += ["other_model"] if others else []
        return (*ways, "no_model") if failed != NO_MODEL else tuple(ways)

    def why_none(self, context: LaunchContext, standing: Standing, asked: str = "") -> str:
        """Say why no language model answers; empty where one does. `asked`: what answers one turn only."""
        if (asked or standing.current) != NO_MODEL:
            return ""
        if standing.refusal:
            return standing.refusal.public
        if standing.instead and not asked:
            return standing.instead
        if asked and standing.current != NO_MODEL:
            return NONE_FOR_THIS
        able = [offer for offer in standing.offers if not offer.why_not]
        if able:
            default = self._registry.models(context.registration).default
            return NONE_BY_DEFAULT if default == NO_MODEL else NONE_CHOSEN
        return next((offer.why_not for offer in standing.offers), NONE_LISTED)

    def label(self, context: LaunchContext) -> ModelConfig | None:
        """Return the launch's language model without reading anything of the chart; None for none, or not known yet."""
        models, offers, chosen = self._offers(context)
        if not self._opt_outs.known_not(context, models.opt_out):
            return None
        return self._catalog.config(_current(models, offers, _wanted(models, offers, chosen)))

    def is_known(self, context: LaunchContext) -> bool:
        """Tell whether the chart was read and, where the patient may have opted out, that it is known not to be so."""
        return self._opt_outs.was_read(context) and self._opt_outs.known_not(
            context, self._registry.models(context.registration).opt_out
        )

    def read_again(self, context: LaunchContext) -> None:
        """Ask the EHR anew what the patient asked, at the next use: a person had the chart read again."""
        self._opt_outs.drop(context.launch_id)

    def offers(self, context: LaunchContext) -> tuple[Offer, ...]:
        """Return what the site offers for this EHR, whatever the patient asked; reads nothing of the chart."""
        return self._offers(context)[1]

    def _offers(self, context: LaunchContext) -> tuple[Models, tuple[Offer, ...], str]:
        """Return the site's rules, its models, and the id that this launch has chosen, "" before any."""
        registration = self._registry.get(context.registration)
        if registration is None:
            return Models(), (), ""
        models = self._registry.models(context.registration)
        listed = [c for c in self._catalog.configs() if _listed(c, models)]
        offers = [Offer(config=c, why_not=_why_not(c, registration, models)) for c in listed]
        # One that was chosen and is switched off since stays visible, and says so.
        chosen = self._conversations.model_choice(context.launch_id)
        known = self._catalog.config(chosen)
        if known and known not in listed:
            offers.append(Offer(config=known, why_not=NOT_LISTED))
        labels = {offer.config.id: offer.config.label for offer in offers}
        off = self._switches.models(context.registration, labels)
        seen = tuple(
            replace(offer, why_not=off[offer.config.id], switched_off=not offer.why_not)
            if offer.config.id in off
            else offer
            for offer in offers
        )
        return models, seen, chosen

    def _instead(self, offers: tuple[Offer, ...], wanted: str, current: str) -> str:
        """Say what answers in place of the model that would, were it not switched off; "" when it does."""
        if wanted == current:
            return ""
        why = next(offer.why_not for offer in offers if offer.config.id == wanted)
        label = self._label(current)
        then = (
            f"{label} answers instead" if label else "Chart rows are shown without a language model"
        )
        return f"{why} {then}."

    def _label(self, model_id: str) -> str:
        config = self._catalog.config(model_id)
        return config.label if config else ""

    def _demand(self, context: LaunchContext, standing: Standing, model_id: str) -> None:
        if standing.may(model_id):
            return
        off = {offer.config.id: offer.why_not for offer in standing.offers if offer.switched_off}
        refusal = standing.refusal or (
            ModelSwitchedOff("switched off", off[model_id])
            if model_id in off
            else ModelNotAllowed("not allowed for this launch")
        )
        known = model_id if self._catalog.config(model_id) else "unknown"
        detail: Detail = {"code": refusal.code, "count": 1, "model": known}
        self._audit.record("refusal", Who.of(context), detail)
        raise refusal


def _listed(config: ModelConfig, models: Models) -> bool:
    return ANY_MODEL in models.allowed or config.id in models.allowed


def _why_not(config: ModelConfig, registration: Registration, models: Models) -> str:
    """Say why a listed model may not read this EHR's charts; empty when it may."""
    if not registration.network.allows(model_host(config)):
        return NO_WAY_OUT
    covered = config.baa or config.local or config.id in models.phi_without_baa
    return "" if registration.sandbox or covered else NO_AGREEMENT


def _current(models: Models, offers: tuple[Offer, ...], wanted: str) -> str:
    """Return what answers: what is wanted, the site's, or the first; none that is switched off."""
    off = {offer.config.id for offer in offers if offer.switched_off}
    if wanted not in off:
        return wanted
    able = [offer.config.id for offer in offers if not offer.why_not]
    return models.default if models.default in able else next(iter(able), NO_MODEL)


def _wanted(models: Models, offers: tuple[Offer, ...], chosen: str) -> str:
    """Return what would answer if IT had switched nothing off."""
    if chosen:
        return chosen
    able = [o.config.id for o in offers if o.switched_off or not o.why_not]
    if models.default:
        return models.default if models.default in able else NO_MODEL
    return able[0] if able else NO_MODEL
