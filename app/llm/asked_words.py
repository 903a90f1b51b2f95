"""Words of a question beside the words of a record: the beginning of a name, and which kind of alert is meant."""

import re

# Words of a question and the beginning of what the record calls it.
STEMS = {
    "ct": ("ct", "computed tomography"), "cat": ("ct", "computed tomography"), "mri": ("mr", "mri", "magnetic"),
    "echo": ("echo",), "x-ray": ("x-ray", "xr", "radiograph", "plain"), "xray": ("x-ray", "xr", "radiograph", "plain"),
    "tetanu": ("tetanus", "tdap", "td "), "flu": ("influenza", "flu"), "influenza": ("influenza", "flu"),
    "shingle": ("zoster", "shingles"), "ultrasound": ("ultraso", "us", "sono"), "colonoscopy": ("colonoscop",), "pet": ("pet", "positron"),
}  # fmt: skip
NOISE = frozenset(("scan", "scans", "report", "reports", "score", "scores", "chest", "abdominal", "head", "imaging"))  # fmt: skip


def is_about(said: str, words: str) -> bool:
    """Tell whether a record's words begin with the words of a question, or with what the record calls them."""
    text = said.casefold()
    wanted = [w for w in re.findall(r"[a-z0-9-]+", words.casefold()) if w not in NOISE]
    stems = [s for w in wanted for s in STEMS.get(w.rstrip("s"), (w.rstrip("s"),))]
    return any(re.search(rf"(?<![a-z0-9]){re.escape(s)}", text) for s in stems)


# Kinds of alert: words of a question, the section that holds them, and words of a record's own name.
ALERTS = (
    (r"code|resuscit|dn[ri]|directive|will|polst|molst|attorney|agent|proxy|decid|decision|speak|consent", "consents",
     r"code status|resuscit|dn[ri]\b|directive|living will|p?molst|polst|attorney|agent|proxy"),
    (r"npo|nothing by mouth|diet|feed|\beat|drink", "diets", r"\bnpo\b|nothing by mouth|diet|feed|enteral"),
    (r"isolation|precaution|risk", "flags", r"isolation|precaution|risk|morse|braden"),
    (r"pregnan|lactat|breast", "", r"pregnan|lactat|breast-?feed|delivery date"),
)  # fmt: skip


def is_alert_of(words: str, section: str, named: str) -> bool:
    """Tell whether an alert is of a kind that words ask for; of every kind where they ask for none."""
    kinds = [(own, names) for asked, own, names in ALERTS if re.search(asked, words.casefold())]
    return not kinds or any(
        section == own or re.search(names, named, re.IGNORECASE) for own, names in kinds
    )
