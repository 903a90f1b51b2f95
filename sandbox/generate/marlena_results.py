"""Marlena's results and measurements, as tables.

A cell is the value as it was sent, with its flag behind it: `5.6H`; `-` is not measured. eGFR is
CKD-EPI 2021 of the creatinine in the same row. A line that starts with `#` is a remark.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class LabTest:
    """A laboratory test: its LOINC code and how Mercy Laboratory reports it."""

    loinc: str
    display: str
    text: str
    unit: str
    ucum: str
    low: str = ""
    high: str = ""
    range_text: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """An ordered set of tests and every draw of it, oldest first."""

    key: str
    loinc: str
    display: str
    text: str
    tests: tuple[str, ...]
    draws: str


TESTS = {
    "na": LabTest(
        loinc="2951-2",
        display="Sodium [Moles/volume] in Serum or Plasma",
        text="Sodium",
        unit="mmol/L",
        ucum="mmol/L",
        low="135",
        high="145",
    ),
    "k": LabTest(
        loinc="2823-3",
        display="Potassium [Moles/volume] in Serum or Plasma",
        text="Potassium",
        unit="mmol/L",
        ucum="mmol/L",
        low="3.5",
        high="5.1",
    ),
    "cl": LabTest(
        loinc="2075-0",
        display="Chloride [Moles/volume] in Serum or Plasma",
        text="Chloride",
        unit="mmol/L",
        ucum="mmol/L",
        low="98",
        high="107",
    ),
    "co2": LabTest(
        loinc="2028-9",
        display="Carbon dioxide, total [Moles/volume] in Serum or Plasma",
        text="Carbon dioxide",
        unit="mmol/L",
        ucum="mmol/L",
        low="22",
        high="29",
    ),
    "bun": LabTest(
        loinc="3094-0",
        display="Urea nitrogen [Mass/volume] in Serum or Plasma",
        text="Urea nitrogen",
        unit="mg/dL",
        ucum="mg/dL",
        low="8",
        high="23",
    ),
    "cr": LabTest(
        loinc="2160-0",
        display="Creatinine [Mass/volume] in Serum or Plasma",
        text="Creatinine",
        unit="mg/dL",
        ucum="mg/dL",
        low="0.50",
        high="1.10",
    ),
    "egfr": LabTest(
        loinc="98979-8",
        display=(
            "Glomerular filtration rate/1.73 sq M.predicted [Volume Rate/Area] in Serum, Plasma or "
            "Blood by Creatinine-based formula (CKD-EPI 2021)"
        ),
        text="eGFR",
        unit="mL/min/1.73 m²",
        ucum="mL/min/{1.73_m2}",
        low="60",
        range_text="≥ 60",
    ),
    "glu": LabTest(
        loinc="2345-7",
        display="Glucose [Mass/volume] in Serum or Plasma",
        text="Glucose",
        unit="mg/dL",
        ucum="mg/dL",
        low="70",
        high="99",
    ),
    "ca": LabTest(
        loinc="17861-6",
        display="Calcium [Mass/volume] in Serum or Plasma",
        text="Calcium",
        unit="mg/dL",
        ucum="mg/dL",
        low="8.6",
        high="10.2",
    ),
    "a1c": LabTest(
        loinc="4548-4",
        display="Hemoglobin A1c/Hemoglobin.total in Blood",
        text="Hemoglobin A1c",
        unit="%",
        ucum="%",
        low="4.0",
        high="5.6",
    ),
    "wbc": LabTest(
        loinc="6690-2",
        display="Leukocytes [#/volume] in Blood by Automated count",
        text="White blood cells",
        unit="10^3/µL",
        ucum="10*3/uL",
        low="4.0",
        high="11.0",
    ),
    "hgb": LabTest(
        loinc="718-7",
        display="Hemoglobin [Mass/volume] in Blood",
        text="Hemoglobin",
        unit="g/dL",
        ucum="g/dL",
        low="12.0",
        high="15.5",
    ),
    "hct": LabTest(
        loinc="4544-3",
        display="Hematocrit [Volume Fraction] of Blood by Automated count",
        text="Hematocrit",
        unit="%",
        ucum="%",
        low="36.0",
        high="46.0",
    ),
    "plt": LabTest(
        loinc="777-3",
        display="Platelets [#/volume] in Blood by Automated count",
        text="Platelets",
        unit="10^3/µL",
        ucum="10*3/uL",
        low="150",
        high="400",
    ),
    "chol": LabTest(
        loinc="2093-3",
        display="Cholesterol [Mass/volume] in Serum or Plasma",
        text="Total cholesterol",
        unit="mg/dL",
        ucum="mg/dL",
        high="199",
        range_text="< 200",
    ),
    "trig": LabTest(
        loinc="2571-8",
        display="Triglyceride [Mass/volume] in Serum or Plasma",
        text="Triglycerides",
        unit="mg/dL",
        ucum="mg/dL",
        high="149",
        range_text="< 150",
    ),
    "hdl": LabTest(
        loinc="2085-9",
        display="Cholesterol in HDL [Mass/volume] in Serum or Plasma",
        text="HDL cholesterol",
        unit="mg/dL",
        ucum="mg/dL",
        low="50",
        range_text="≥ 50",
    ),
    "ldl": LabTest(
        loinc="13457-7",
        display="Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation",
        text="LDL cholesterol",
        unit="mg/dL",
        ucum="mg/dL",
        high="99",
        range_text="< 100",
    ),
    "alt": LabTest(
        loinc="1742-6",
        display="Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        text="Alanine aminotransferase",
        unit="U/L",
        ucum="U/L",
        low="7",
        high="35",
    ),
    "ast": LabTest(
        loinc="1920-8",
        display="Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma",
        text="Aspartate aminotransferase",
        unit="U/L",
        ucum="U/L",
        low="10",
        high="35",
    ),
    "tsh": LabTest(
        loinc="3016-3",
        display="Thyrotropin [Units/volume] in Serum or Plasma",
        text="TSH",
        unit="mIU/L",
        ucum="m[IU]/L",
        low="0.40",
        high="4.50",
    ),
    "mg": LabTest(
        loinc="19123-9",
        display="Magnesium [Mass/volume] in Serum or Plasma",
        text="Magnesium",
        unit="mg/dL",
        ucum="mg/dL",
        low="1.6",
        high="2.6",
    ),
    "trop": LabTest(
        loinc="89579-7",
        display="Troponin I.cardiac [Mass/volume] in Serum or Plasma by High sensitivity method",
        text="Troponin I, high sensitivity",
        unit="ng/L",
        ucum="ng/L",
        high="14",
        range_text="< 15",
    ),
    "inr": LabTest(
        loinc="6301-6",
        display="INR in Platelet poor plasma by Coagulation assay",
        text="INR",
        unit="ratio",
        ucum="{INR}",
        low="0.9",
        high="1.1",
    ),
    "b12": LabTest(
        loinc="2132-9",
        display="Cobalamin (Vitamin B12) [Mass/volume] in Serum or Plasma",
        text="Vitamin B12",
        unit="pg/mL",
        ucum="pg/mL",
        low="232",
        high="1245",
    ),
}

PANELS = (
    Panel(
        key="bmp",
        loinc="51990-0",
        display="Basic metabolic panel - Blood",
        text="Basic metabolic panel with eGFR",
        tests=("na", "k", "cl", "co2", "bun", "cr", "egfr", "glu", "ca"),
        draws="""
        # collected       resulted   na    k     cl   co2  bun  cr     egfr  glu   ca
        2019-03-03 14:05  14:58      131L  4.3   97L  23   19   0.92   71    412H  9.2
        2019-09-10 09:20  14:41      139   4.2   102  26   15   0.90   73    148H  9.4
        2020-03-04 08:55  15:02      140   4.1   103  26   14   0.91   72    131H  9.3
        2020-10-21 09:10  14:37      139   4.4   102  25   16   0.94   69    126H  9.5
        2021-05-12 08:48  14:20      138   4.3   101  26   17   0.95   67    134H  9.4
        2021-11-09 09:31  15:11      134L  3.9   98   27   18   0.97   66    141H  9.6
        2022-05-17 09:02  14:26      139   4.4   102  26   18   0.98   65    137H  9.3
        2022-11-15 10:15  15:40      140   4.3   103  25   19   1.00   63    145H  9.4
        2023-05-09 09:06  14:33      139   4.5   102  25   20   1.05   59L   142H  9.3
        2023-11-14 09:18  14:50      140   4.4   103  25   20   1.06   58L   139H  9.4
        2024-02-11 15:22  16:04      138   4.2   101  24   22   1.12H  55L   171H  9.1
        2024-08-20 09:40  15:05      139   4.5   102  25   21   1.07   57L   152H  9.3
        2025-03-12 09:12  14:44      140   4.4   103  25   21   1.09   56L   149H  9.4
        2025-12-03 09:05  14:52      139   4.4   102  25   21   1.10   55L   144H  9.3
        2026-03-18 09:15  14:38      140   4.5   103  24   22   1.11H  54L   151H  9.4
        2026-06-11 09:08  14:46      139   4.6   103  24   23   1.15H  52L   156H  9.3
        2026-10-14 09:25  15:10      138   5.0   104  22   29H  1.34H  43L   148H  9.2
        2026-11-19 09:10  14:48      136   5.6H  106  20L  38H  1.64H  34L   162H  9.0
        """,
    ),
    Panel(
        key="cbc",
        loinc="58410-2",
        display="CBC panel - Blood by Automated count",
        text="Complete blood count",
        tests=("wbc", "hgb", "hct", "plt"),
        draws="""
        2019-03-03 14:05  14:40      9.8   13.9  42.1  268
        2020-01-14 11:20  12:02      13.6H 13.1  39.8  301
        2020-10-21 09:10  13:05      6.9   13.2  39.9  255
        2022-05-17 09:02  12:58      7.1   13.0  39.4  249
        2023-05-09 09:06  13:11      6.8   12.9  39.0  244
        2024-02-11 15:22  15:51      8.4   12.7  38.5  251
        2025-03-12 09:12  13:20      7.0   12.5  37.9  238
        2026-03-18 09:15  13:02      6.7   12.4  37.6  241
        """,
    ),
    Panel(
        key="lipid",
        loinc="24331-1",
        display="Lipid 1996 panel - Serum or Plasma",
        text="Lipid panel",
        tests=("chol", "trig", "hdl", "ldl"),
        draws="""
        2019-09-10 09:20  14:41      238H  212H  44L  152H
        2020-03-04 08:55  15:02      191   178H  46L  109H
        2021-05-12 08:48  14:20      176   165H  48L  95
        2022-05-17 09:02  14:26      171   158H  49L  90
        2023-05-09 09:06  14:33      166   149   50   86
        2025-03-12 09:12  14:44      162   151H  51   81
        2026-03-18 09:15  14:38      158   146   51   78
        """,
    ),
    Panel(
        key="liver",
        loinc="24325-3",
        display="Hepatic function 2000 panel - Serum or Plasma",
        text="Liver enzymes",
        tests=("alt", "ast"),
        draws="""
        2019-09-10 09:20  14:41      41H   33
        2020-03-04 08:55  15:02      34    29
        2022-05-17 09:02  14:26      31    27
        2025-03-12 09:12  14:44      28    26
        """,
    ),
)

# Results reported alone: collected, resulted, test, value.
SINGLE_RESULTS = """
2019-03-03 14:05  14:58  a1c   11.2H
2019-09-10 09:20  14:41  a1c   7.6H
2020-03-04 08:55  15:02  a1c   7.2H
2020-10-21 09:10  14:37  a1c   7.0H
2021-05-12 08:48  14:20  a1c   7.1H
2021-05-12 08:48  14:20  tsh   8.92H
2021-08-16 10:30  15:55  tsh   3.10
2021-11-09 09:31  15:11  a1c   7.3H
2022-05-17 09:02  14:26  a1c   7.2H
2022-05-17 09:02  14:26  tsh   2.45
2022-11-15 10:15  15:40  a1c   7.5H
2023-05-09 09:06  14:33  a1c   7.4H
2023-05-09 09:06  14:33  tsh   2.71
2023-11-14 09:18  14:50  a1c   7.3H
2024-02-11 15:22  16:04  inr   1.0
2024-02-11 15:22  16:04  trop  <6
2024-02-11 18:20  19:01  trop  7
2024-02-11 15:22  16:04  mg    1.9
2024-02-11 15:22  16:04  tsh   2.98
2024-08-20 09:40  15:05  a1c   7.6H
2025-03-12 09:12  14:44  a1c   7.5H
2025-03-12 09:12  14:44  tsh   2.60
2025-03-12 09:12  14:44  b12   318
2026-03-18 09:15  14:38  a1c   7.6H
2026-03-18 09:15  14:38  tsh   2.38
2026-06-11 09:08  14:46  a1c   7.7H
"""

# At visits: day, time, visit, systolic, diastolic, pulse, breaths, temperature, SpO2, weight.
# The clinic stopped weighing her after 09-May-2023: no weight was entered at any later visit.
VITALS = """
2019-03-03 13:52  ed-2019     158  94  108  20  36.9  97  74.8
2019-09-10 08:50  2019-09-10  146  88  78   16  36.6  98  73.9
2020-01-14 10:55  2020-01-14  134  80  102  24  38.6  94  73.2
2020-03-04 08:30  2020-03-04  142  86  76   16  36.6  98  73.0
2020-10-21 08:45  2020-10-21  144  86  74   16  36.5  98  72.6
2021-05-12 08:25  2021-05-12  148  88  72   16  36.6  98  73.4
2021-08-16 10:10  2021-08-16  140  84  80   16  37.4  98  73.0
2021-11-09 09:10  2021-11-09  138  82  74   16  36.6  98  72.4
2022-05-17 08:35  2022-05-17  144  84  76   16  36.5  98  72.1
2022-11-15 09:50  2022-11-15  142  86  74   16  36.6  97  71.6
2023-05-09 08:40  2023-05-09  140  84  74   16  36.6  98  71
2023-11-14 08:55  2023-11-14  142  82  76   16  36.7  98  -
2024-02-11 15:10  hosp-2024   152  90  134  18  36.8  97  -
2024-02-27 13:15  card-2024   136  80  72   16  -     98  -
2024-08-20 09:15  2024-08-20  144  84  66   16  36.6  98  -
2025-03-12 08:50  2025-03-12  146  84  68   16  36.5  98  -
2025-12-03 08:40  2025-12-03  148  86  66   16  36.6  98  -
2026-03-10 14:05  card-2026   146  84  64   16  -     98  -
2026-03-18 08:50  2026-03-18  150  86  66   16  36.6  98  -
2026-06-11 08:45  2026-06-11  152  86  68   16  36.5  98  -
2026-09-18 10:20  2026-09-18  156  88  66   16  36.6  98  -
2026-10-02 16:55  bayside     148  84  72   16  36.8  98  -
"""

HEIGHT_CM = "163"
