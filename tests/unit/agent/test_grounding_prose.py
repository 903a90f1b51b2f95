"""What a language model would write of a falling kidney function, right and wrong, and the verdict of each sentence."""

from functools import cache

import pytest

from app.agent.answer import Answer, Delta
from app.agent.events import Citation, NoSource
from app.agent.grounding import Background
from app.agent.library import background, library
from app.fhir.reader import LaunchChart
from tests.ndjson_source import launch
from tests.unit.agent.evidence import ZONE

SECTIONS = (
    "problems",
    "medications",
    "allergies",
    "labs",
    "vitals",
    "notes",
    "requests",
    "reports",
    "encounters",
)


@cache
def opened() -> tuple[LaunchChart, Background]:
    chart = launch("marlena")
    chart.ensure(*SECTIONS)
    search = chart.chart.record_search("urine albumin", "labs")
    assert search.handle == "S1"
    return chart, background(chart, ZONE, "Why has her kidney function dropped?")


def verdicts(text: str) -> str:
    """Return the verdicts of a text in order of the alphabet: "match", "match mismatch", "no_source"."""
    chart, known = opened()
    answer = Answer("m", library(chart), known)
    pieces = [p for at in range(0, len(text), 9) for p in answer.feed(text[at : at + 9])]
    pieces += answer.finish()
    cited = {p.verdict for p in pieces if isinstance(p, Citation)} - {"pending"}
    return " ".join(sorted(cited | {p.kind for p in pieces if isinstance(p, NoSource)}))


PROSE = (
    # What it would say, rightly.
    ("**Creatinine has risen from 1.15 mg/dL (11-Jun-2026) to 1.64 mg/dL (19-Nov-2026)**, and eGFR has fallen from 52 to 34 mL/min/1.73 m² over the same period [L1c, L1a, L2c, L2a].", "match"),
    ("Potassium is 5.6 mmol/L (H, ref 3.5–5.1), collected 19-Nov-2026, final [L3a].", "match"),
    ("eGFR fell stepwise: 52 on 11-Jun-2026, 43 on 14-Oct-2026 and 34 mL/min/1.73 m² on 19-Nov-2026 [L2c, L2b, L2a].", "match"),
    ("Creatinine rose to 1.64 mg/dL on 19-Nov-2026 [L1].", "match"),
    ("Ibuprofen 600 mg three times a day was ordered on 02-Oct-2026 by P. Lindqvist, NP at Bayside Urgent Care for low back pain [M1].", "match"),
    ("Spironolactone 25 mg once daily was ordered on 18-Sep-2026 [M2], before the eGFR of 34 mL/min/1.73 m² on 19-Nov-2026 [L2a].", "match"),
    ("The telephone note signed 14-Nov-2026 by T. Alvarez, RN says “Reports ibuprofen 3 times a day most days for back pain” [N2].", "match"),
    ("She denied black stools in the note of 14-Nov-2026 [N2].", "match"),
    ("BUN is 38 mg/dL and potassium 5.6 mmol/L on Nov 19, 2026, both flagged high [L15a, L3a].", "match"),
    ("- **K** 5.6 mmol/L H (19 Nov 2026), up from 5.0 mmol/L (14 Oct 2026) [L3a, L3b]", "match"),
    ("BP was 148/84 mmHg on 02-Oct-2026 [V1a].", "match"),
    ("Chronic kidney disease stage 3a has been active since 09-May-2023 [P2].", "match"),
    ("CKD stage 3a is on the problem list as active [P2].", "match"),
    ("Losartan was stopped because of dizziness; it had been ordered on 09-Nov-2021 [M10].", "match"),
    ("No urine albumin was found among the laboratory results [S1].", "match"),
    ("The urine albumin/creatinine ratio ordered on 18-Sep-2026 is still active [R2].", "match"),
    ("She has a penicillin allergy (anaphylaxis, high criticality), recorded 10-Sep-2019 [A2].", "match"),
    ("Active orders for ibuprofen [M1], spironolactone [M2] and apixaban [M5] matter here.", "match"),
    ("Marlena Evergreen is a 68-year-old woman whose creatinine is 1.64 mg/dL [L1a].", "match"),
    ("Sodium is 136 mmol/L, within the reference range of 135–145 [L4a].", "match"),
    ("Two notes mention ibuprofen [N1, N2].", "match"),
    ("NSAIDs with spironolactone can raise potassium (General knowledge).", "general_knowledge"),
    ("Spironolactone and NSAIDs can each reduce kidney function or raise potassium. (General knowledge)", "general_knowledge"),
    ("The order of events does not prove a cause.", ""),
    ("Potassium and creatinine should be rechecked when an NSAID is combined with a potassium-sparing diuretic.", "general_knowledge"),
    # The same, with one thing wrong.
    ("Creatinine rose from 1.15 to 1.46 mg/dL between 11-Jun-2026 and 19-Nov-2026 [L1c, L1a].", "mismatch"),
    ("Creatinine fell from 1.15 mg/dL (11-Jun-2026) to 1.64 mg/dL (19-Nov-2026) [L1c, L1a].", "mismatch"),
    ("eGFR improved, rising from 34 to 52 mL/min/1.73 m² [L2c, L2a].", "mismatch"),
    ("eGFR went from 34 to 52 mL/min/1.73 m² between June and November [L2c, L2a].", "mismatch"),
    ("Creatinine fell to 1.64 mg/dL on 19-Nov-2026 [L1].", "mismatch"),
    ("Potassium is 5.6 mg/dL [L3a].", "mismatch"),
    ("Potassium 5.6 mmol/L was resulted on 18-Nov-2026 [L3a].", "mismatch"),
    ("Potassium is critically high at 5.6 mmol/L [L3a].", "mismatch"),
    ("Potassium of 5.6 mmol/L is below the reference range [L3a].", "mismatch"),
    ("She started ibuprofen 600 mg on 02-Oct-2026 [M1].", "mismatch"),
    ("On 02-Oct-2026 ibuprofen was dispensed [M1].", "mismatch"),
    ("Ibuprofen 600 mg was started by urgent care [M1].", "mismatch"),
    ("Naproxen was ordered on 02-Oct-2026 [M1].", "mismatch"),
    ("Ibuprofen 600 mg twice a day is an active order [M1].", "mismatch"),
    ("Ibuprofen 600 mg intravenous three times a day is an active order [M1].", "mismatch"),
    ("Ibuprofen was ordered by A. Osei, MD on 02-Oct-2026 [M1].", "mismatch"),
    ("Ibuprofen was ordered at Harbor Clinic on 02-Oct-2026 [M1].", "mismatch"),
    ("Ibuprofen has been discontinued [M1].", "mismatch"),
    ("Losartan 50 mg is an active order [M10].", "mismatch"),
    ("Losartan 50 mg once daily, ordered 09-Nov-2021, protects her kidneys [M10].", "mismatch"),
    ("Spironolactone was ordered on 18-Sep-2026 [M2], after the eGFR of 34 mL/min/1.73 m² on 19-Nov-2026 [L2a].", "mismatch"),
    ("The telephone note says “Reports ibuprofen 2 times a day most days for back pain” [N2].", "mismatch"),
    ("K. Brandt, PA first wrote on 19-Nov-2026 “Reports ibuprofen 3 times a day most days for back pain since early October” [N1].", "mismatch"),
    ("The telephone note was signed by K. Brandt, PA [N2].", "mismatch"),
    ("She reports black stools [N2].", "mismatch"),
    ("Urine albumin was found [S1].", "mismatch"),
    ("Potassium is not 5.6 mmol/L [L3a].", "mismatch"),
    ("Her mother's creatinine was 1.64 mg/dL [L1a].", "mismatch"),
    ("He is a 68-year-old man with potassium 5.6 mmol/L [L3a].", "mismatch"),
    ("Marlena is 86 years old with potassium 5.6 mmol/L [L3a].", "mismatch"),
    ("Dorothy Halloran's potassium is 5.6 mmol/L [L3a].", "mismatch"),
    ("Possible chronic kidney disease stage 3a is listed [P2].", "mismatch"),
    ("Chronic kidney disease stage 4 is active [P2].", "mismatch"),
    ("The inactive plantar fasciitis, right foot, is not relevant [P12].", "mismatch"),
    ("She has a penicillin allergy with hives, low criticality [A2].", "mismatch"),
    ("Three active orders raise potassium or strain the kidney [M1, M2].", "mismatch"),
    ("Potassium is 5.6 mmol/L [L99a].", "no_source"),
    ("Potassium is 5.6 mmol/L [L3a] and lactate is 4.1 mmol/L [L77b].", "match no_source"),
    ("Potassium is 5.6 mmol/L.", "no_source"),
    ("Her potassium of 5.6 mmol/L calls for an ECG (General knowledge).", "no_source"),
    ("She has diabetic nephropathy with eGFR 34.", "no_source"),
    ("The eGFR of 34 was collected on 11-Jun-2026 [L2].", "mismatch"),
    ("Sodium is 5.6 mmol/L [L3a].", "mismatch"),
    # What no rule decides.
    ("Her kidney function has probably dropped because of ibuprofen.", "no_source"),
    ("She looks well.", "unchecked"),
    ("Kidney function is worse [L2a].", "unchecked"),
    ("Ibuprofen 600 mg is not being taken [M1].", "unchecked"),
    ("Two notes mention apixaban [N1, N2].", "unchecked"),
    ("The cardiology note advises against NSAIDs [N7].", "unchecked"),
)  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PROSE)
def test_prose_of_a_model_gets_the_verdict_it_deserves(text: str, expected: str) -> None:
    assert verdicts(text) == expected


def test_an_invented_handle_takes_its_words_with_it_but_shows_nothing() -> None:
    chart, known = opened()
    answer = Answer("m", library(chart), known)
    pieces = [*answer.feed("Potassium is 5.6 mmol/L [L99a]. Next."), *answer.finish()]
    assert (
        "".join(p.text for p in pieces if isinstance(p, Delta)) == "Potassium is 5.6 mmol/L. Next."
    )
    assert (answer.tally.unknown_handles, answer.tally.without_source) == (1, 1)
    assert [p for p in pieces if isinstance(p, Citation)] == []


def test_a_verdict_comes_as_soon_as_the_sentence_ends() -> None:
    chart, known = opened()
    answer = Answer("m", library(chart), known)
    first = list(answer.feed("Potassium is 5.7 mmol/L [L3a]. Cre"))
    assert [p.verdict for p in first if isinstance(p, Citation)] == ["pending", "mismatch"]


def test_a_cut_stream_is_judged_for_what_is_there() -> None:
    chart, known = opened()
    answer = Answer("m", library(chart), known)
    list(answer.feed("Potassium is 5.7 mmol/L [L3a], and creat"))
    last = list(answer.finish(cut=True))
    assert [p.verdict for p in last if isinstance(p, Citation)] == ["mismatch"]


def test_a_tag_behind_the_full_stop_belongs_to_its_sentence() -> None:
    assert verdicts(
        "NSAIDs can raise potassium to 6.0 mmol/L. (General knowledge) She looks well."
    ) == ("general_knowledge unchecked")


def test_general_knowledge_is_not_counted_as_without_source() -> None:
    chart, known = opened()
    answer = Answer("m", library(chart), known)
    list(answer.feed("NSAIDs can raise potassium. (General knowledge) "))
    list(answer.finish())
    assert answer.tally.without_source == 0
