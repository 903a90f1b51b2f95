"""What the store knows of a resource beside its text: type, id, whose it is, when it was, when it changed.

Everything is found by one pass of DuckDB's JSON reader over the text, which stays as it was received.
"""

# Where a resource names the patient it belongs to (the elements of the Patient compartment that hold one reference).
OWNERS = ("subject", "patient", "beneficiary", "for", "securityContext")
# Where several may stand, of which the first patient counts.
LISTED = ("participant[*].actor", "target[*]", "individual[*]")
# When what a resource says was so, in the order in which they count.
DATES = (
    "effectiveDateTime", "effectivePeriod.start", "effectiveInstant", "occurrenceDateTime", "occurrencePeriod.start",
    "performedDateTime", "performedPeriod.start", "authoredOn", "whenHandedOver", "whenPrepared", "onsetDateTime",
    "onsetPeriod.start", "recordedDate", "period.start", "date", "issued", "recorded", "authored", "started", "start",
    "created", "sent", "dateTime", "collection.collectedDateTime", "startDate", "birthDate",
)  # fmt: skip
PATIENT = r"(?:^|/)Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/.*)?$"
HEAD = ("resourceType", "id", "meta.lastUpdated")


def paths() -> list[str]:
    """Return the JSON paths that are read, in the order in which `columns` expects them."""
    owners = [f"$.{name}.reference" for name in OWNERS]
    return [f"$.{name}" for name in HEAD] + owners + [f"$.{name}" for name in DATES]


def columns(found: str, json: str) -> str:
    """Return the columns of a SELECT: resource_type, id, patient, date, last_updated.

    `found` is the list that `json_extract_string` gives for `paths`, `json` the text; both are SQL expressions. Text that is missing is
    empty, a date is text as it was sent.
    """
    first_owner = len(HEAD) + 1
    first_date = first_owner + len(OWNERS)
    owners = [f"regexp_extract({found}[{number}], '{PATIENT}', 1)" for number in range(first_owner, first_date)]  # fmt: skip
    listed = [
        f"list_filter(list_transform(json_extract_string({json}, '$.{path}.reference'), "
        f"lambda r: regexp_extract(r, '{PATIENT}', 1)), lambda p: p <> '')[1]"
        for path in LISTED
    ]
    own = f"CASE WHEN {found}[1] = 'Patient' THEN {found}[2] END"
    named = ", ".join(f"nullif({owner}, '')" for owner in owners)
    dates = ", ".join(f"{found}[{first_date + number}]" for number in range(len(DATES)))
    return (
        f"{found}[1] AS resource_type, {found}[2] AS id, "
        f"coalesce({own}, {named}, {', '.join(listed)}, '') AS patient, "
        f"coalesce({dates}, '') AS date, coalesce({found}[3], '') AS last_updated"
    )
