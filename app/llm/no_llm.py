"""The deterministic assistant "No language model": the same port, tools, citations and checks as any model.

First it asks for tools, then it writes sentences from fixed patterns over what they returned. It explains and
compares nothing, and it states no fact that a tool did not give. It sees only the Request.
"""

import json
from collections.abc import Iterator, Sequence

from app.llm import intents, templates
from app.llm.asked_sections import CODE
from app.llm.hang_up import HangUp
from app.llm.plan import Plan
from app.llm.port import (
    Done,
    ModelEvent,
    Reply,
    Request,
    TextDelta,
    ToolCall,
    ToolTurn,
    Turn,
    UserTurn,
)
from app.llm.services import service_named
from app.llm.synonyms import Synonyms

DELTA_WORDS = 6
Wanted = tuple[str, dict[str, object]]


class NoLanguageModel:
    """Answers from the chart alone."""

    name = "No language model"
    version = ""
    language_model = together = False
    key = "no_llm"

    def __init__(self, synonyms: Synonyms) -> None:
        self._synonyms = synonyms

    def stream(
        self,
        request: Request,
        hang_up: HangUp,  # noqa: ARG002  # nothing here waits
    ) -> Iterator[ModelEvent]:
        """Yield tool calls for a new question, text once their answers are there."""
        question, replies = _state(request.turns)
        plan = intents.read(question, self._synonyms)
        if replies is None and not plan.empty:
            able = {tool.name for tool in request.tools}
            wanted = [call for call in calls(plan) if call[0] in able]
            for number, (name, arguments) in enumerate(wanted, 1):
                yield ToolCall(id=f"look-{number}", name=name, arguments=json.dumps(arguments))
            if wanted:
                yield Done(stop="tools")
                return
        refused = {name for name, _ in calls(plan)} - {tool.name for tool in request.tools}
        answer = templates.write(plan, replies or (), self._synonyms, refused)
        yield from _deltas(answer)
        yield Done(stop="end")

    def warm(self, request: Request) -> None:
        """Do nothing: there is no provider."""


def _state(turns: Sequence[Turn]) -> tuple[str, tuple[Reply, ...] | None]:
    """Return the last question, and the tools' answers to it: None before any were asked for."""
    question, replies = "", None
    for turn in turns:
        if isinstance(turn, UserTurn):
            question, replies = turn.text, None
        elif isinstance(turn, ToolTurn):
            replies = (*(replies or ()), *turn.replies)
    return question, replies


def _deltas(text: str) -> Iterator[TextDelta]:
    """Stream a few words at a time; blanks and line breaks stay with the word before them."""
    words = text.split(" ")
    for at in range(0, len(words), DELTA_WORDS):
        piece = " ".join(words[at : at + DELTA_WORDS])
        yield TextDelta(text=piece + (" " if at + DELTA_WORDS < len(words) else ""))


def calls(plan: Plan) -> list[Wanted]:
    """Return the look-ups of a plan, each once."""
    wanted = [*_by_name(plan), *_by_topic(plan)]
    unique = {json.dumps(call, sort_keys=True): call for call in wanted}
    return list(unique.values())


def _by_name(plan: Plan) -> Iterator[Wanted]:
    for job in plan.jobs:
        yield "chart_job", {"name": job, **({"anchor": plan.anchor} if plan.anchor else {})}
    yield from _checks(plan)
    for key in plan.calculations:
        entered: dict[str, object] = {"entered": plan.stated} if plan.stated else {}
        yield "calculate", {"name": key, **entered}
    tests = list(
        dict.fromkeys([n for p in plan.panels for n in p.tests] + [t.name for t in plan.tests])
    )
    if "mean_blood_pressure" in plan.calculations:
        tests = list(dict.fromkeys([*tests, "blood pressure"]))
    if tests:
        since: dict[str, object] = {"since": plan.since} if plan.since else {}
        yield "chart_results", {"tests": tests[:12], **since}
    if any(panel.orders for panel in plan.panels):
        yield "chart_section", {"section": "medications", "status": "active"}
    if "mme" in plan.calculations:
        yield _given("opioids", plan.window or "24h")
    if "allergies" in plan.topics and not plan.give:
        yield from _substances(plan)
        yield from _classes(plan) if plan.taking or plan.tolerated else ()
        for name in _medicines(plan) if plan.tolerated else ():
            yield _given(name)
        return
    yield from _classes(plan)
    yield from _words(plan)
    yield from _parts(plan)
    yield from _new_text(plan)


def _medicines(plan: Plan) -> list[str]:
    return list(dict.fromkeys([*(kind.name for kind in plan.classes), *plan.drugs]))


def _given(name: str, since: str = "") -> Wanted:
    """Look for the doses of a medicine or class that were recorded as given."""
    limits = {"since": since} if since else {}
    return "chart_section", {"section": "administrations", "words": name, **limits}


def _new_text(plan: Plan) -> Iterator[Wanted]:
    """Look for what notes add since a moment, and for the documents of other organizations."""
    if plan.anchor in ("24h", "last_note"):
        yield "chart_notes", {"service": "any", "since": "24h"}
    if plan.outside:
        yield "chart_notes", {"since": plan.window} if plan.window else {}


def _parts(plan: Plan) -> Iterator[Wanted]:
    """Look into the parts that are asked for; what words of them are about is searched elsewhere as well."""
    for asked, words in plan.parts.items():
        narrowed = {"status": asked.status, "since": plan.window}
        arguments = {name: value for name, value in narrowed.items() if value}
        if asked.section == "administrations" and (named := _medicines(plan)):
            for name in named:
                yield _given(name, plan.window)
            continue
        yield "chart_section", {"section": asked.section, **arguments}
        if asked.about or asked.section == "alerts":
            # A note may have a code status that the record does not.
            noted = ["full code"] if asked.section == "alerts" and CODE.search(words) else []
            yield "chart_search", {"words": list(dict.fromkeys([*words.split(", "), *noted]))[:12]}


def _checks(plan: Plan) -> Iterator[Wanted]:
    """Check what is asked for; before giving, the medicine or class that the question names."""
    for kind in plan.checks:
        yield "safety_checks", {"kind": kind}
    if plan.give:
        named = [*plan.drugs, *(kind.name for kind in plan.classes)] or plan.leftover[:1]
        for medicine in named[:2]:
            yield "safety_checks", {"medicine": medicine}


def _classes(plan: Plan) -> Iterator[Wanted]:
    for kind in plan.classes:
        status: dict[str, object] = {} if plan.ever or plan.begun else {"status": "active"}
        status |= {"since": plan.window} if plan.window else {}
        yield "chart_section", {"section": "medications", "words": kind.name, **status}


def _substances(plan: Plan) -> Iterator[Wanted]:
    """Look for what an allergy question names among the allergies, and nowhere else."""
    for substance in plan.substances:
        yield "chart_section", {"section": "allergies", "words": substance}
    if plan.problems:
        yield "chart_search", {"words": plan.problems}


def _words(plan: Plan) -> Iterator[Wanted]:
    about = [*plan.leftover, *plan.drugs, *plan.quoted]
    if "notes" in plan.topics:
        service = next((s for word in about if (s := service_named(word))), "")
        words = [word for word in about if not service_named(word)]
        if service:
            yield "chart_notes", {"service": service, **({"words": words} if words else {})}
        elif about or not plan.problems:
            yield "chart_notes", {"words": about} if about else {}
        about = []
    if any(asked.section == "family" for asked in plan.parts):
        # A relative's illness is looked for among the relatives only.
        return
    reasons = [kind.name for kind in plan.classes if plan.why]
    about = [*plan.problems, *about, *plan.related, *plan.spelt, *reasons]
    if about:
        yield "chart_search", {"words": list(dict.fromkeys(about))[:12]}


def _by_topic(plan: Plan) -> Iterator[Wanted]:
    fixed: dict[str, Wanted] = {
        "overview": ("chart_overview", {}),
        "changes": ("changes_since", _anchor(plan)),
        "pending": ("chart_pending", {}),
        "allergies": ("chart_section", {"section": "allergies"}),
        "medicines": (
            "chart_section",
            {"section": "medications", **({} if plan.ever else {"status": "active"})},
        ),
        "problems": (
            "chart_section",
            {"section": "problems", **({} if plan.ever else {"status": "active"})},
        ),
        "visit": ("chart_section", {"section": "encounters", "limit": 12}),
        "fills": ("chart_section", {"section": "fills"}),
        "emergency": _stays("emergency visit", plan.window),
        "labs": (
            "chart_results",
            {"kind": "labs", **({"since": plan.since} if plan.since else {})},
        ),
        "vitals": (
            "chart_results",
            {"kind": "vitals", **({"since": plan.since} if plan.since else {})},
        ),
    }
    for topic in plan.topics:
        if topic == "admission":
            yield from (
                _stays("inpatient stay", plan.window),
                _stays("emergency visit", plan.window),
            )
        if topic in fixed:
            yield fixed[topic]
        if topic == "fills":
            # What patients say that they take, and do not.
            yield "chart_section", {"section": "home_medications"}


def _anchor(plan: Plan) -> dict[str, object]:
    if plan.since:
        return {"date": plan.since}
    return {"anchor": plan.anchor} if plan.anchor else {}


def _stays(kind: str, since: str) -> Wanted:
    limits = {"since": since} if since else {}
    return "chart_section", {"section": "encounters", "words": kind, **limits}
