"""The dose criteria of a label: each input with its date, its age and what is missing; counted, nothing recommended."""

from typing import Any

import pytest

from app.fhir.display import CriteriaBlock, Criterion, Text
from app.fhir.dose_criteria import counted, dose_criteria, of_drug
from tests.ndjson_source import launch
from tests.unit.fhir.test_card import _piece


def block_of(chart: str = "marlena") -> CriteriaBlock:
    found = launch(chart)
    found.first_read()
    (line,) = [x for x in found.chart.tables["M"] if of_drug(x)]
    return dose_criteria(found, line)


def said(pieces: Any) -> str:
    return " ".join(map(_piece, pieces))


def test_every_input_stands_with_its_date_and_an_old_one_with_its_age() -> None:
    block = block_of()
    assert [(said(c.pieces), c.meets, c.age) for c in block.criteria] == [
        ("Age 80 or more: 68", "no", ""),
        ("Creatinine 1.5 mg/dL or more: 1.64 mg/dL H 19-Nov-2026 [1]", "yes", ""),
        ("Weight 60 kg or less: 71 kg 09-May-2023 [2]", "no", "3 years 6 months old"),
    ]
    assert block.sum == "1 of 3 on these inputs; a new weight could change it."
    assert said(block.title) == "apixaban 5 mg twice a day [3]"
    assert said(block.reason) == "For atrial fibrillation [4]"
    assert block.rule.endswith("2.5 mg twice a day if 2 of 3 are met.")


def test_what_was_not_read_is_not_none() -> None:
    found = launch("marlena", denied=["Observation", "Condition"])
    found.first_read()
    (line,) = [x for x in found.chart.tables["M"] if of_drug(x)]
    block = dose_criteria(found, line)
    assert [(said(c.pieces), c.meets) for c in block.criteria[1:]] == [
        (
            "Creatinine 1.5 mg/dL or more: none in what could be read [1 laboratory results not read]",
            "missing",
        ),
        ("Weight 60 kg or less: none in what could be read [2 vital signs not read]", "missing"),
    ]
    assert said(block.reason).startswith(
        "Whether atrial fibrillation is among the problems is not known"
    )
    assert block.sum == (
        "0 of 3 on these inputs; a new creatinine and a new weight could change it."
    )


@pytest.mark.parametrize(
    ("meets", "ages", "words"),
    [
        (("yes", "yes", "no"), ("", "", ""), "2 of 3 on these inputs."),
        (("no", "no", "no"), ("", "", "2 years old"), "0 of 3 on these inputs."),
        (
            ("no", "yes", "missing"),
            ("", "", ""),
            "1 of 3 on these inputs; a new weight could change it.",
        ),
        (
            ("no", "missing", "missing"),
            ("", "", ""),
            "0 of 3 on these inputs; a new creatinine and a new weight could change it.",
        ),
        (
            ("yes", "yes", "no"),
            ("", "1 year 2 months old", ""),
            "2 of 3 on these inputs; a new creatinine could change it.",
        ),
        (("yes", "yes", "yes"), ("", "2 years old", ""), "3 of 3 on these inputs."),
    ],
)
def test_the_count_says_which_new_input_could_change_it(
    meets: tuple[Any, ...], ages: tuple[str, ...], words: str
) -> None:
    names = ("age", "creatinine", "weight")
    criteria = tuple(
        Criterion(name=name, pieces=(Text(text=name),), meets=met, age=age)
        for name, met, age in zip(names, meets, ages, strict=True)
    )
    assert counted(criteria) == words
