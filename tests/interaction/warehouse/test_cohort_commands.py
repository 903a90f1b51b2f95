"""The commands of cohorts: rights of the registration, counts, lists, and the audit that names who asked."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.audit.log import AuditLog
from app.cli import main
from app.store.engine import open_database
from tests.cohort_store import store

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A registration with one analyst who may see lists and one who may not, and 30 patients."""
    config = tmp_path / "config"
    config.mkdir()
    text = (ROOT / "launch_config" / "sandbox.toml").read_text("utf-8")
    rights = 'analysts = ["Practitioner/lists", "Practitioner/counts"]\nlists = ["Practitioner/lists"]\nchart_link = "https://ehr.example/chart/{patient}"\n'
    text = re.sub(r"\[bulk\]\n(.+\n)*\n", f'[bulk]\ngroups = ["everyone"]\n{rights}\n', text)
    (config / "sandbox.toml").write_text(text, "utf-8")
    patients = [{"resourceType": "Patient", "id": f"p{n}", "gender": "female" if n % 2 else "male", "birthDate": f"19{50 + n}-01-01"} for n in range(30)]  # fmt: skip
    store(tmp_path / "warehouse" / "sandbox" / "all", patients)
    return {
        "CHARTSIDE_ENVIRONMENT": "development", "CHARTSIDE_ORIGIN": "http://app.localhost:9001",
        "CHARTSIDE_SECRET_KEY": base64.urlsafe_b64encode(b"k" * 32).decode(), "CHARTSIDE_LAUNCH_CONFIG": str(config),
        "CHARTSIDE_DATABASE_URL": f"sqlite:///{tmp_path}/app.sqlite", "CHARTSIDE_WAREHOUSE": str(tmp_path / "warehouse"),
    }  # fmt: skip


@pytest.fixture
def run(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> Run:
    def act(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments, environ)
        return code, *capsys.readouterr()

    return act


def test_counts_and_lists_by_the_rights_of_the_registration(
    run: Run, environ: dict[str, str], tmp_path: Path
) -> None:
    women = tmp_path / "women.json"
    women.write_text(json.dumps({"all": [{"of": "sex", "is": "female"}]}))
    code, said, _ = run("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--by", "sex", "--csv")  # fmt: skip
    assert (code, said.splitlines()[:4]) == (0, ["sex,patients", "female,15", "male,15", "all,30"])
    assert run("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--set", "high=66")[0] == 1  # fmt: skip
    code, said, wrong = run("cohort", "list", "sandbox", str(women), "--as", "Practitioner/counts")
    assert (code, said) == (1, "")
    assert "counts only" in wrong
    assert run("cohort", "count", "sandbox", str(women), "--as", "Practitioner/nobody")[0] == 1
    code, said, _ = run("cohort", "list", "sandbox", str(women), "--as", "Practitioner/lists")
    assert (code, len(said.splitlines())) == (0, 16)
    assert "p1,https://ehr.example/chart/p1" in said
    code, said, _ = run("cohort", "group", "sandbox", str(women), "--as", "Practitioner/lists")
    assert (code, json.loads(said)["quantity"]) == (0, 15)
    run("disable", "action", "cohort", "--reason", "Drill")
    assert run("cohort", "list", "sandbox", str(women), "--as", "Practitioner/lists")[:2] == (1, "")
    events = AuditLog(open_database(environ["CHARTSIDE_DATABASE_URL"]), None).events()  # type: ignore[arg-type]
    found = [(e.who.user_reference, json.loads(e.detail)) for e in events if e.kind == "cohort"]
    assert [(who, one["what"], "refused" in one) for who, one in found] == [
        ("Practitioner/counts", "count", False), ("Practitioner/counts", "count", False), ("Practitioner/counts", "list", True),
        ("Practitioner/nobody", "count", True), ("Practitioner/lists", "list", False), ("Practitioner/lists", "group", False),
    ]  # fmt: skip


def test_a_description_shows_no_part_of_few(run: Run) -> None:
    code, said, _ = run("cohort", "describe", "sandbox", "age_range", "--as", "Practitioner/counts", "--part", "sex", "--part", "age", "--csv")  # fmt: skip
    assert (code, said.splitlines()[1], "female,15\nmale,15" in said) == (0, "30", True)
    assert "fewer than 11" in said
    assert run("cohort", "describe", "sandbox", "age_range", "--as", "Practitioner/nobody")[0] == 1


def test_a_select_and_the_rules_of_care(run: Run) -> None:
    sql = "SELECT sex, count(DISTINCT patient_key) AS n FROM patient GROUP BY sex ORDER BY sex"
    code, said, _ = run("cohort", "query", "sandbox", sql, "--as", "Practitioner/counts", "--csv")
    assert (code, said.splitlines()[:3]) == (0, ["sex,n", "female,15", "male,15"])
    code, said, wrong = run("cohort", "query", "sandbox", "SELECT * FROM patient", "--as", "Practitioner/counts")  # fmt: skip
    assert (code, said) == (1, "")
    assert "is not allowed" in wrong or "each output" in wrong
    code, said, _ = run("cohort", "measure", "sandbox", "influenza", "--as", "Practitioner/counts", "--csv")  # fmt: skip
    assert (code, said.splitlines()[1]) == (
        0,
        "influenza,Influenza vaccine this season,30,0,30,0,0",
    )
    assert run("cohort", "measure", "sandbox", "influenza", "--list", "not met", "--as", "Practitioner/counts")[0] == 1  # fmt: skip
    code, said, _ = run("cohort", "measure", "sandbox", "influenza", "--list", "not met", "--as", "Practitioner/lists")  # fmt: skip
    assert (code, len(said.splitlines())) == (0, 31)
    assert run("cohort", "measure", "sandbox", "no_rule", "--as", "Practitioner/lists")[0] == 2


def test_what_is_not_there_is_said(run: Run) -> None:
    assert "diabetes_a1c_above" in run("cohort", "names")[1]
    code, _, wrong = run("cohort", "count", "sandbox", "no_such", "--as", "Practitioner/counts")
    assert (code, "no shipped query" in wrong) == (2, True)
    code, _, wrong = run("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--group", "everyone")  # fmt: skip
    assert (code, "nothing was exported yet" in wrong) == (2, True)
    code, _, wrong = run("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--group", "other")  # fmt: skip
    assert (code, "does not name it" in wrong) == (2, True)
    assert run("cohort", "count", "sandbox", "age_range", "--as", "Practitioner/counts", "--set", "high=x")[0] == 2  # fmt: skip
