"""Round generated values to the digits that real laboratories and devices report."""

from decimal import ROUND_HALF_UP, Decimal

from sandbox.generate.ndjson import Resource

# Digits after the point, by LOINC code.
DIGITS = {
    "10834-0": 1,  # globulin
    "14627-4": 0,  # bicarbonate, venous
    "14959-1": 1,  # albumin/creatinine, urine
    "1742-6": 0,  # alanine aminotransferase
    "1751-7": 1,  # albumin
    "17861-6": 1,  # calcium
    "18262-6": 0,  # LDL cholesterol
    "19123-9": 1,  # magnesium
    "1920-8": 0,  # aspartate aminotransferase
    "1960-4": 0,  # bicarbonate, arterial
    "1975-2": 1,  # bilirubin
    "2019-8": 0,  # carbon dioxide pressure, arterial
    "2021-4": 0,  # carbon dioxide pressure, venous
    "2027-1": 1,  # carbon dioxide, total, venous
    "2028-9": 0,  # carbon dioxide, total
    "20565-8": 0,  # carbon dioxide, total, blood
    "20570-8": 1,  # hematocrit
    "2069-3": 0,  # chloride, blood
    "2075-0": 0,  # chloride
    "2085-9": 0,  # HDL cholesterol
    "2093-3": 0,  # cholesterol
    "20505-4": 1,  # bilirubin, urine
    "21000-5": 1,  # erythrocyte distribution width
    "21377-7": 1,  # magnesium, blood
    "2160-0": 2,  # creatinine
    "2339-0": 0,  # glucose, blood
    "2345-7": 0,  # glucose
    "2571-8": 0,  # triglycerides
    "2703-7": 0,  # oxygen pressure, arterial
    "2705-2": 0,  # oxygen pressure, venous
    "2708-6": 0,  # oxygen saturation
    "2744-1": 2,  # pH, arterial
    "2746-6": 2,  # pH, venous
    "2777-1": 1,  # phosphate
    "2823-3": 1,  # potassium
    "2885-2": 1,  # protein
    "29463-7": 1,  # body weight
    "2947-0": 0,  # sodium, blood
    "2951-2": 0,  # sodium
    "3094-0": 0,  # urea nitrogen
    "3173-2": 1,  # aPTT
    "3184-9": 0,  # activated clotting time
    "32207-3": 1,  # platelet distribution width
    "32623-1": 1,  # platelet mean volume
    "33728-7": 1,  # tumor size
    "33756-8": 0,  # polyp size
    "33914-3": 0,  # eGFR
    "38208-5": 0,  # pain score
    "38483-4": 2,  # creatinine, blood
    "39156-5": 1,  # body mass index
    "4544-3": 1,  # hematocrit
    "4548-4": 1,  # hemoglobin A1c
    "46240-8": 0,  # count of visits
    "49765-1": 1,  # calcium, blood
    "57905-2": 0,  # occult blood, stool
    "5792-7": 0,  # glucose, urine
    "5797-6": 0,  # ketones, urine
    "5803-2": 1,  # pH, urine
    "5804-0": 0,  # protein, urine
    "5811-5": 3,  # specific gravity, urine
    "5902-2": 1,  # prothrombin time
    "6298-4": 1,  # potassium, blood
    "6299-2": 0,  # urea nitrogen, blood
    "6301-6": 1,  # INR
    "6690-2": 1,  # leukocytes
    "6768-6": 0,  # alkaline phosphatase
    "71425-3": 0,  # NT-proBNP
    "718-7": 1,  # hemoglobin
    "72106-8": 0,  # MMSE
    "777-3": 0,  # platelets
    "785-6": 1,  # MCH
    "786-4": 1,  # MCHC
    "787-2": 1,  # MCV
    "788-0": 1,  # erythrocyte distribution width
    "789-8": 2,  # erythrocytes
    "79892-6": 0,  # intraocular pressure
    "79893-4": 0,  # intraocular pressure
    "8302-2": 1,  # body height
    "8310-5": 1,  # body temperature
    "8462-4": 0,  # diastolic pressure
    "8480-6": 0,  # systolic pressure
    "85344-0": 0,  # lymph nodes
    "8867-4": 0,  # heart rate
    "89579-7": 0,  # troponin I, high sensitivity
    "9279-1": 0,  # respiratory rate
}

_COUNTED = ("{score}", "{count}", "{#}")


def rounded(value: Decimal | int, digits: int) -> Decimal | int:
    """Return `value` with exactly `digits` after the point, trailing zeros kept."""
    if digits == 0:
        return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))
    return Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def digits_for(loinc: str, unit: str, value: Decimal | int) -> int:
    """Return the digits for a test; an unknown one by size: 0 from 100, 1 from 10, else 2."""
    if loinc in DIGITS:
        return DIGITS[loinc]
    if unit in _COUNTED or value == int(value):
        return 0
    size = abs(Decimal(value))
    return 0 if size >= 100 else 1 if size >= 10 else 2


def round_observation(observation: Resource) -> None:
    """Round an Observation's values and ranges in place, and flag the value that is now printed."""
    for part in (observation, *observation.get("component", [])):
        quantity = part.get("valueQuantity")
        if quantity:
            loinc = part["code"]["coding"][0]["code"]
            digits = digits_for(loinc, quantity.get("unit", ""), quantity["value"])
            quantity["value"] = rounded(quantity["value"], digits)
            _round_range(part, digits)
            _flag(part)


def _round_range(part: Resource, digits: int) -> None:
    for limits in part.get("referenceRange", []):
        for end in ("low", "high"):
            if end in limits:
                limits[end]["value"] = rounded(limits[end]["value"], digits)
        if "low" in limits and not limits["low"]["value"]:
            del limits["low"]


def _flag(part: Resource) -> None:
    """Flag what is printed: 1.69 was below 1.7, but a laboratory that prints 1.7 says normal."""
    if "interpretation" not in part or "referenceRange" not in part:
        return
    value, limits = part["valueQuantity"]["value"], part["referenceRange"][0]
    code, display = "N", "Normal"
    if "low" in limits and value < limits["low"]["value"]:
        code, display = "L", "Low"
    elif "high" in limits and value > limits["high"]["value"]:
        code, display = "H", "High"
    part["interpretation"][0]["coding"][0] |= {"code": code, "display": display}
