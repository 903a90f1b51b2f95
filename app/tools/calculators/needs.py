"""The measured inputs: LOINC codes in common US use, the unit that is computed in, and the span a value is believed in.

The spans are wide: they keep a slipped unit or a typing error out, they are no reference ranges.

Source: LOINC (loinc.org) for codes, UCUM for units.
"""

from app.tools.calculators.inputs import Need

CREATININE = Need(
    name="creatinine",
    loinc=("2160-0", "38483-4", "14682-9"),
    unit="mg/dL",
    low=0.1,
    high=30,
    substance="creatinine",
)
UREA_NITROGEN = Need(
    name="urea nitrogen",
    loinc=("3094-0", "6299-2", "22664-7"),
    unit="mg/dL",
    low=1,
    high=300,
    substance="urea nitrogen",
)
SODIUM = Need(
    name="sodium",
    loinc=("2951-2", "2947-0"),
    unit="mmol/L",
    low=90,
    high=200,
    substance="monovalent ion",
)
CHLORIDE = Need(
    name="chloride",
    loinc=("2075-0", "2069-3"),
    unit="mmol/L",
    low=50,
    high=160,
    substance="monovalent ion",
)
BICARBONATE = Need(
    name="bicarbonate",
    loinc=("2028-9", "20565-8", "1963-8", "1960-4"),
    unit="mmol/L",
    low=2,
    high=60,
    substance="monovalent ion",
)
GLUCOSE = Need(
    name="glucose",
    loinc=("2345-7", "2339-0", "41653-7", "14749-6"),
    unit="mg/dL",
    low=10,
    high=3000,
    substance="glucose",
)
CALCIUM = Need(
    name="calcium",
    loinc=("17861-6", "49765-1", "2000-8"),
    unit="mg/dL",
    low=3,
    high=25,
    substance="calcium",
)
ALBUMIN = Need(name="albumin", loinc=("1751-7", "61151-7", "61152-5"), unit="g/dL", low=0.5, high=7)
BILIRUBIN = Need(
    name="bilirubin",
    loinc=("1975-2", "14631-6"),
    unit="mg/dL",
    low=0.05,
    high=80,
    substance="bilirubin",
)
INR = Need(
    name="INR", loinc=("6301-6", "34714-6", "46418-0", "38875-1"), unit="{INR}", low=0.5, high=20
)
AST = Need(name="AST", loinc=("1920-8", "30239-8"), unit="U/L", low=1, high=20000)
ALT = Need(name="ALT", loinc=("1742-6", "1743-4", "1744-2"), unit="U/L", low=1, high=20000)
PLATELETS = Need(
    name="platelets", loinc=("777-3", "26515-7", "49497-1"), unit="10*3/uL", low=1, high=3000
)
WHITE_CELLS = Need(
    name="white blood cells",
    loinc=("6690-2", "26464-8", "49498-9"),
    unit="10*3/uL",
    low=0.01,
    high=500,
)
NEUTROPHILS = Need(
    name="neutrophils", loinc=("751-8", "753-4", "26499-4"), unit="10*3/uL", low=0, high=300
)
SEGMENTED = Need(
    name="segmented neutrophils",
    loinc=("770-8", "769-0", "23761-0", "26511-6", "32200-8"),
    unit="%",
    low=0,
    high=100,
)
BANDS = Need(
    name="band neutrophils", loinc=("764-1", "26508-2", "35332-6"), unit="%", low=0, high=100
)
CHOLESTEROL = Need(
    name="total cholesterol",
    loinc=("2093-3", "14647-2"),
    unit="mg/dL",
    low=50,
    high=1000,
    substance="cholesterol",
)
HDL = Need(
    name="HDL cholesterol",
    loinc=("2085-9", "14646-4"),
    unit="mg/dL",
    low=5,
    high=200,
    substance="cholesterol",
)
EGFR = Need(
    name="eGFR",
    loinc=("98979-8", "62238-1", "33914-3", "69405-9", "48642-3"),
    unit="mL/min/{1.73_m2}",
    low=1,
    high=200,
)
WEIGHT = Need(
    name="weight",
    loinc=("29463-7", "3141-9", "8335-2"),
    unit="kg",
    low=0.3,
    high=400,
    section="vitals",
)
HEIGHT = Need(
    name="height",
    loinc=("8302-2", "8306-3", "3137-7"),
    unit="cm",
    low=20,
    high=250,
    section="vitals",
)
SYSTOLIC = Need(
    name="systolic blood pressure",
    loinc=("8480-6",),
    unit="mm[Hg]",
    low=30,
    high=320,
    section="vitals",
)
DIASTOLIC = Need(
    name="diastolic blood pressure",
    loinc=("8462-4",),
    unit="mm[Hg]",
    low=10,
    high=220,
    section="vitals",
)
PULSE = Need(
    name="pulse", loinc=("8867-4", "8889-8"), unit="/min", low=15, high=350, section="vitals"
)
BREATHS = Need(
    name="respiratory rate", loinc=("9279-1",), unit="/min", low=2, high=120, section="vitals"
)
SATURATION = Need(
    name="oxygen saturation",
    loinc=("59408-5", "2708-6"),
    unit="%",
    low=30,
    high=100,
    section="vitals",
)
TEMPERATURE = Need(
    name="temperature",
    loinc=("8310-5", "8331-1", "8333-7"),
    unit="Cel",
    low=20,
    high=45,
    section="vitals",
)
OXYGEN_FLOW = Need(
    name="oxygen flow", loinc=("3151-8",), unit="L/min", low=0, high=80, section="vitals"
)
QT = Need(name="QT interval", loinc=("8634-8",), unit="ms", low=150, high=900, section="other")
ECG_RATE = Need(
    name="heart rate", loinc=("76282-3", "8867-4"), unit="/min", low=15, high=350, section="vitals"
)
GESTATION = Need(
    name="gestational age at birth",
    loinc=("11884-4", "11885-1", "18185-9", "49051-6"),
    unit="wk",
    low=20,
    high=45,
    section="other",
)
QTC = Need(name="QTc", loinc=("8636-3", "18504-1"), unit="ms", low=200, high=900, section="other")

# The names under which a user may enter a value.
ENTERABLE = tuple(
    dict.fromkeys(
        need.name
        for need in (
            CREATININE, UREA_NITROGEN, SODIUM, CHLORIDE, BICARBONATE, GLUCOSE, CALCIUM, ALBUMIN, BILIRUBIN, INR, AST, ALT, PLATELETS,
            WHITE_CELLS, SEGMENTED, BANDS, CHOLESTEROL, HDL, EGFR, WEIGHT, HEIGHT, SYSTOLIC, DIASTOLIC, PULSE, BREATHS, SATURATION,
            TEMPERATURE, QT, ECG_RATE, GESTATION,
        )
    )
)  # fmt: skip
