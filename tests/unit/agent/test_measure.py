from decimal import Decimal

import pytest

from app.agent.measure import Amount, amount, amounts, canonical, rates


@pytest.mark.parametrize(
    ("text", "number", "unit", "comparator"),
    [
        ("5.6 mmol/L", "5.6", "mmol/l", ""), ("1,000 mg", "1000", "mg", ""), ("34 mL/min/1.73 m²", "34", "ml/min/1.73m2", ""),
        ("34 mL/min/{1.73_m2}", "34", "ml/min/1.73m2", ""), ("<6 ng/L", "6", "ng/l", "<"), ("≥ 60 %", "60", "%", ">="),
        ("241 10^3/µL", "241", "10*3/ul", ""), ("66 beats per minute", "66", "/min", ""), ("128 mm Hg", "128", "mmhg", ""),
        ("5 grams", "5", "g", ""), ("2.5 mcg", "2.5", "mcg", ""), ("-2.5 mmol/L", "-2.5", "mmol/l", ""), ("5 mmol/dL", "5", "mmol/dl", ""),
    ],
)  # fmt: skip
def test_numbers_are_read_with_their_unit(
    text: str, number: str, unit: str, comparator: str
) -> None:
    (found,) = amounts(text)
    assert found.amount == Amount(number=Decimal(number), unit=unit, comparator=comparator)


def test_digits_in_words_are_no_numbers() -> None:
    assert amounts("HbA1c, B12, 3a and 4th") == []


def test_a_claim_may_leave_the_unit_out_but_not_add_or_change_one() -> None:
    plain, mg, mcg = (Amount(number=Decimal(5), unit=u) for u in ("", "mg", "mcg"))
    assert [plain.same(mg), mg.same(mg), mg.same(mcg), mg.same(plain)] == [True, True, False, False]
    assert mg.same(plain, loose=True)


def test_units_without_meaning_are_none() -> None:
    assert [canonical(u) for u in ("{INR}", "ratio", "1", "mg")] == ["", "", "", "mg"]
    assert amount("no growth") is None


@pytest.mark.parametrize(
    ("text", "per_day"),
    [
        ("once daily", "1"), ("twice a day", "2"), ("three times daily", "3"), ("4 times a day", "4"), ("every 8 hours", "3"),
        ("q12h", "2"), ("every other day", "0.5"), ("once a week", "0.1429"), ("nightly", "1"), ("at bedtime", "1"),
        ("2/d", "2"), ("1 per 2 d", "0.5"), ("weekly", "0.1429"), ("every morning", "1"), ("2 times every 3 days", "0.6667"),
    ],
)  # fmt: skip
def test_frequencies_are_times_a_day(text: str, per_day: str) -> None:
    assert [rate for _, _, rate in rates(text)] == [Decimal(per_day).quantize(Decimal("0.0001"))]
