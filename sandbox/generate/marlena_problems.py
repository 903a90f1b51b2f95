"""Marlena's problems, vaccines and procedures, as data."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A condition; `resolved` is the day it ended, `status` its clinical status."""

    key: str
    text: str
    snomed: str
    display: str
    icd10: str
    onset: str
    recorded: str
    by: str
    status: str = "active"
    resolved: str = ""
    visit: str = ""
    category: str = "problem-list-item"


PROBLEMS = (
    Problem(
        key="dm2",
        text="Type 2 diabetes",
        snomed="44054006",
        display="Diabetes mellitus type 2",
        icd10="E11.9",
        onset="2019-03-03",
        recorded="2019-09-10",
        by="osei",
    ),
    Problem(
        key="htn",
        text="Hypertension",
        snomed="38341003",
        display="Hypertensive disorder",
        icd10="I10",
        onset="2014",
        recorded="2019-09-10",
        by="osei",
    ),
    Problem(
        key="ckd3a",
        text="Chronic kidney disease stage 3a",
        snomed="700378005",
        display="Chronic kidney disease stage 3A",
        icd10="N18.31",
        onset="2023-05-09",
        recorded="2023-11-14",
        by="osei",
    ),
    Problem(
        key="af",
        text="Atrial fibrillation",
        snomed="49436004",
        display="Atrial fibrillation",
        icd10="I48.91",
        onset="2024-02-11",
        recorded="2024-02-11",
        by="mensah",
        visit="hosp-2024",
    ),
    Problem(
        key="lbp",
        text="Low back pain",
        snomed="279039007",
        display="Low back pain",
        icd10="M54.50",
        onset="2022-04",
        recorded="2022-05-17",
        by="osei",
    ),
    Problem(
        key="lipids",
        text="Hyperlipidemia",
        snomed="55822004",
        display="Hyperlipidemia",
        icd10="E78.5",
        onset="2019-09-10",
        recorded="2019-09-10",
        by="osei",
    ),
    Problem(
        key="hypothyroid",
        text="Hypothyroidism",
        snomed="40930008",
        display="Hypothyroidism",
        icd10="E03.9",
        onset="2021-05-12",
        recorded="2021-05-13",
        by="osei",
    ),
    Problem(
        key="glaucoma",
        text="Primary open-angle glaucoma",
        snomed="77075001",
        display="Primary open angle glaucoma",
        icd10="H40.1190",
        onset="2022-08",
        recorded="2022-11-15",
        by="osei",
    ),
    Problem(
        key="pneumonia",
        text="Community-acquired pneumonia",
        snomed="385093006",
        display="Community acquired pneumonia",
        icd10="J18.9",
        onset="2020-01-14",
        recorded="2020-01-14",
        by="osei",
        status="resolved",
        resolved="2020-02-03",
    ),
    Problem(
        key="uti",
        text="Urinary tract infection",
        snomed="68566005",
        display="Urinary tract infectious disease",
        icd10="N39.0",
        onset="2021-08-16",
        recorded="2021-08-16",
        by="osei",
        status="resolved",
        resolved="2021-08-30",
    ),
    Problem(
        key="fasciitis",
        text="Plantar fasciitis, left foot",
        snomed="202882003",
        display="Plantar fasciitis",
        icd10="M72.2",
        onset="2018",
        recorded="2019-09-10",
        by="osei",
        status="inactive",
    ),
    Problem(
        key="copd",
        text="Chronic obstructive pulmonary disease",
        snomed="13645005",
        display="Chronic obstructive lung disease",
        icd10="J44.9",
        onset="2022-11-15",
        recorded="2022-11-15",
        by="osei",
        status="entered-in-error",
    ),
    Problem(
        key="lbp-bayside",
        text="Low back pain",
        snomed="279039007",
        display="Low back pain",
        icd10="M54.50",
        onset="2026-09-30",
        recorded="2026-10-02",
        by="lindqvist",
        visit="bayside",
        category="encounter-diagnosis",
    ),
)

# day, CVX, vaccine as charted.
VACCINES = """
2019-09-10  115  Tdap
2019-10-22  135  Influenza, high dose, trivalent
2020-03-04  187  Zoster, recombinant
2020-10-21  187  Zoster, recombinant
2020-10-21  197  Influenza, high dose, quadrivalent
2021-03-05  208  COVID-19, mRNA
2021-03-26  208  COVID-19, mRNA
2021-11-09  197  Influenza, high dose, quadrivalent
2022-11-15  197  Influenza, high dose, quadrivalent
2023-05-09  216  Pneumococcal conjugate, 20-valent
2023-11-14  197  Influenza, high dose, quadrivalent
2024-10-09  135  Influenza, high dose, trivalent
2025-12-03  135  Influenza, high dose, trivalent
2026-09-18  135  Influenza, high dose, trivalent
"""

# day, SNOMED, visit or dash, procedure as charted.
PROCEDURES = """
2019-10-22  73761001   -           Colonoscopy
2024-02-11  29303009   hosp-2024   Electrocardiographic procedure
2024-02-12  40701008   hosp-2024   Echocardiography
2025-12-17  134395001  -           Diabetic retinopathy screening
"""
