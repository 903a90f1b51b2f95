"""The jobs: what each is made of. Content follows what a clinician reads before a visit, hands over, or checks before discharge."""

from app.tools.jobs import course, medicines, picks
from app.tools.jobs.model import Argument, Job, Part

PHRASED = "Rows and fixed sentences; a narrative needs a language model."
VITALS = (
    "blood pressure",
    "heart rate",
    "respiratory rate",
    "temperature",
    "oxygen saturation",
    "weight",
)
KEY = ("potassium", "sodium", "creatinine", "eGFR", "hemoglobin", "platelets", "white blood cells", "HbA1c", "LDL cholesterol", "INR")  # fmt: skip
TAUGHT = ("education", "teaching", "teach-back", "instructions")

PROBLEMS = Part(
    heading="Active problems", tool="chart_section", arguments={"section": "problems", "status": "active"},
    keep=picks.once, most=15,
)  # fmt: skip
ORDERS = Part(
    heading="Active medication orders", tool="chart_section", arguments={"section": "medications", "status": "active"},
    most=25, note="An active order is not proof of taking.",
)  # fmt: skip
ALLERGIES = Part(
    heading="Allergies",
    tool="chart_section",
    arguments={"section": "allergies"},
    style="allergies",
    most=20,
)
ALERTS = Part(
    heading="Code status and alerts", tool="chart_section", arguments={"section": "alerts"}, most=10,
    note="Where an order, a directive and a note differ, all of them are shown.",
)  # fmt: skip
VITAL_SIGNS = Part(
    heading="Vital signs", tool="chart_results", arguments={"tests": list(VITALS), "kind": "vitals"},
    keep=picks.last_values, style="latest", none="vital signs", sections=("vitals",),
)  # fmt: skip
RESULTS = Part(
    heading="Key results, last three", tool="chart_results", arguments={"tests": list(KEY)},
    keep=picks.last_values, style="latest", most=10, none="key results", sections=("labs",),
)  # fmt: skip
PENDING = Part(heading="Pending", tool="chart_pending", arguments={}, most=10)
AHEAD = Part(
    heading="Appointments to come", tool="chart_section", arguments={"section": "appointments"}, keep=picks.to_come,
    most=4, none="appointments to come", sections=("appointments",),
)  # fmt: skip
DIFFER = Part(
    heading="Notes that differ from the record", tool="chart_notes", arguments={}, keep=picks.of_sections("conflict"),
    style="passages", most=4,
)  # fmt: skip
DEVICES = Part(
    heading="Lines and devices", tool="chart_section", arguments={"section": "devices"}, keep=picks.still_in, most=10,
    none="lines and devices in use", sections=("device_use", "devices"),
    note="Lines and drains that are charted only in flowsheets are not readable here.",
)  # fmt: skip

PRE_VISIT = Job(
    name="pre_visit", title="Pre-visit summary",
    description="Reason for the visit, what changed since the last one, problems, medicines, allergies, results, what is pending or not met.",
    parts=(
        Part(heading="Visit", tool="chart_section", arguments={"section": "encounters", "limit": 12}, keep=picks.this_visit,
             style="visit", none="visits", sections=("encounters",)),
        AHEAD,
        Part(heading="Since the last visit", tool="changes_since", arguments={"anchor": "my_last_visit"},
             keep=picks.changed, most=14, style="rows"),
        PROBLEMS, ORDERS, ALLERGIES, VITAL_SIGNS, RESULTS, PENDING,
        Part(heading="Care gaps", tool="chart_section", arguments=picks.adults({"section": "care_gaps"}), style="computed",
             note="A rule is for many patients, a person decides for this one."),
        Part(heading="Growth", tool="calculate", arguments=picks.children({"name": "growth_percentile"}), style="computed"),
        Part(heading="Immunizations", tool="chart_section", arguments=picks.children({"section": "immunizations", "limit": 30}),
             most=12, note="History in this record only; what is due next is not computed here."),
        DIFFER, ALERTS,
    ),
    note=PHRASED,
)  # fmt: skip

WHAT_CHANGED = Job(
    name="what_changed", title="What changed",
    description="Results, orders, problems, notes and visits since the last visit, the admission, the last note or 24 hours ago.",
    arguments=(Argument(name="anchor", description="my_last_visit, admission, last_note or 24h"),),
    parts=(
        Part(heading="Changes", tool="changes_since", arguments={}, keep=picks.changed, most=24),
        PENDING, DIFFER,
    ),
    note=PHRASED,
)  # fmt: skip

COURSE = Job(
    name="hospital_course", title="Hospital course skeleton",
    description="Why admitted, the events of the stay by day, and how it ended or stands.",
    parts=(
        Part(heading="Admission", tool="chart_section", arguments={"section": "encounters", "limit": 60},
             keep=picks.admissions, style="visit", none="stay", sections=("encounters",)),
        PROBLEMS,
        Part(heading="Events by day", tool="changes_since", arguments=picks.in_a_stay({"anchor": "admission"}),
             keep=course.by_day, style="sentences", most=60,
             note="Results where a laboratory flag came, changed or went; the first dose of each medicine; notes that mark a turn. The order of events does not prove a cause."),
        PENDING, DEVICES, AHEAD,
    ),
    note="Events only; a course by problem needs a language model.",
)  # fmt: skip

MEDICATIONS = Job(
    name="medication_review", title="Medication review",
    description="Each active order with its reason, the order before, supply and the results watched with it; checks against lists.",
    parts=(
        Part(heading="Checks", tool="safety_checks", arguments={"kind": "all"}, style="computed", most=5),
        Part(heading="Active orders", tool="chart_section", arguments={"section": "medications", "status": "active"},
             keep=medicines.review, style="medicines", most=25,
             note="The order date is not a start, and an active order is not proof of taking. The results beside an order are a list of ours, not a schedule."),
        Part(heading="Reported medicines", tool="chart_section", arguments={"section": "home_medications"},
             keep=picks.of_sections("statements"), none="reported medicines", sections=("statements",)),
        ALLERGIES,
        Part(heading="Stopped orders, newest", tool="chart_section",
             arguments={"section": "medications", "status": "stopped", "limit": 6}, most=6),
        Part(heading="Fills, newest", tool="chart_section", arguments={"section": "fills", "limit": 8}, most=8,
             note="Fills at other pharmacies are not readable here."),
    ),
    note=PHRASED,
)  # fmt: skip

SBAR = Job(
    name="sbar", title="SBAR handoff",
    description="Situation, background, assessment and what is open for the recommendation, from the chart's rows.",
    parts=(
        Part(heading="Situation", tool="chart_section", arguments={"section": "encounters", "limit": 12},
             keep=picks.this_visit, style="visit", none="visits", sections=("encounters",)),
        Part(heading="Situation", tool="chart_section", arguments={"section": "alerts"}, most=8, note=ALERTS.note),
        Part(heading="Situation", tool="chart_section", arguments={"section": "allergies"}, style="allergies", most=20),
        Part(heading="Background", tool="chart_section", arguments={"section": "problems", "status": "active"},
             keep=picks.once, most=12),
        Part(heading="Background", tool="chart_section", arguments={"section": "medications", "status": "active"}, most=20,
             note=ORDERS.note),
        Part(heading="Assessment", tool="chart_results", arguments={"tests": list(VITALS), "kind": "vitals"},
             keep=picks.last_values, style="latest", none=VITAL_SIGNS.none, sections=VITAL_SIGNS.sections),
        Part(heading="Assessment", tool="calculate", arguments=picks.adults({"name": "news2"}), style="computed"),
        Part(heading="Assessment", tool="chart_results", arguments={"tests": list(KEY)}, keep=picks.flagged, most=6,
             style="latest", none="newest results that the laboratory flagged", sections=("labs",)),
        Part(heading="Assessment", tool="chart_section", arguments={"section": "devices"}, keep=picks.still_in, most=8,
             none=DEVICES.none, sections=DEVICES.sections, note=DEVICES.note),
        Part(heading="Recommendation", tool="chart_pending", arguments={}, most=10,
             note="Nothing is recommended here: what is open is listed, a person says what to do."),
    ),
    note="Who is on call and what was said at the bedside are not in the record. " + PHRASED,
)  # fmt: skip

DISCHARGE = Job(
    name="discharge_checklist", title="Discharge checklist",
    description="Results still pending, follow-up, medicines at home, in the stay and at discharge, lines still in, teaching, code status.",
    parts=(
        Part(heading="Stay", tool="chart_section", arguments={"section": "encounters", "limit": 60},
             keep=picks.admissions, style="visit", none="stay", sections=("encounters",)),
        Part(heading="Results still pending", tool="chart_pending", arguments={}, most=12),
        AHEAD,
        Part(heading="Referrals and tasks", tool="chart_section", arguments={"section": "referrals"}, most=8,
             note="Whether a visit elsewhere took place is known only if it stands in this record."),
        Part(heading="Medicines at home, in the stay and at discharge", tool="chart_section",
             arguments={"section": "medications", "status": "active"}, keep=medicines.compared, most=30,
             note="Compared by the first word of the name, as ordered; doses are in the rows. What was stopped on purpose is told only by a note."),
        Part(heading="Reported medicines", tool="chart_section", arguments={"section": "home_medications"},
             keep=picks.of_sections("statements"), none="reported medicines", sections=("statements",)),
        DEVICES,
        Part(heading="Teaching", tool="chart_search", arguments={"words": list(TAUGHT)},
             keep=picks.of_sections("notes", "procedures"), most=3, style="passages", none="the words “education”, “teaching”, “teach-back”, “instructions”",
             sections=("notes", "procedures")),
        VITAL_SIGNS, ALLERGIES, ALERTS,
    ),
    note=PHRASED,
)  # fmt: skip

JOBS: tuple[Job, ...] = (PRE_VISIT, WHAT_CHANGED, COURSE, MEDICATIONS, SBAR, DISCHARGE)
BY_NAME = {job.name: job for job in JOBS}
