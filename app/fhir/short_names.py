"""Short names of common tests by LOINC code, in the order in which a clinician looks for them.

A result without an entry here is named as sent.
"""

SHORT: dict[str, str] = {
    code: name
    for name, _, codes in (
        line.partition(": ")
        for line in (
            "Creatinine: 2160-0 38483-4",
            "eGFR: 33914-3 62238-1 98979-8 69405-9 48642-3 48643-1",
            "Potassium: 2823-3 6298-4",
            "Sodium: 2951-2 2947-0",
            "Glucose: 2345-7 2339-0",
            "HbA1c: 4548-4",
            "Hemoglobin: 718-7",
            "Hematocrit: 4544-3 20570-8",
            "WBC: 6690-2",
            "RBC: 789-8",
            "Platelets: 777-3",
            "MCV: 787-2",
            "MCH: 785-6",
            "MCHC: 786-4",
            "BUN: 3094-0 6299-2",
            "Chloride: 2075-0 2069-3",
            "CO2: 2028-9 20565-8",
            "Calcium: 17861-6 49765-1",
            "ALT: 1742-6",
            "AST: 1920-8",
            "ALP: 6768-6",
            "Bilirubin: 1975-2",
            "Albumin: 1751-7",
            "Protein: 2885-2",
            "INR: 6301-6",
            "Cholesterol: 2093-3",
            "LDL: 18262-6 13457-7 2089-1",
            "HDL: 2085-9",
            "Triglycerides: 2571-8",
            "TSH: 3016-3",
            "CRP: 1988-5",
            "Lactate: 2524-7",
            "BNP: 30934-9 42637-9",
            "NT-proBNP: 33762-6",
            "Blood pressure: 85354-9",
            "Systolic BP: 8480-6",
            "Diastolic BP: 8462-4",
            "Heart rate: 8867-4",
            "Respiratory rate: 9279-1",
            "Temperature: 8310-5",
            "SpO2: 59408-5 2708-6",
            "Weight: 29463-7",
            "Height: 8302-2",
            "BMI: 39156-5",
            "RDW: 788-0 21000-5",
            "MPV: 32623-1",
            "PDW: 32207-3",
            "Magnesium: 19123-9",
            "Phosphate: 2777-1",
            "Troponin I: 10839-9",
            "Urine albumin/creatinine ratio: 9318-7 14959-1",
        )
    )
    for code in codes.split()
}

# Shown with a trend in the digest, in this order.
KEY_NAMES = (
    "Creatinine", "eGFR", "Potassium", "Sodium", "Glucose", "HbA1c", "Hemoglobin", "WBC", "Platelets", "INR",
    "ALT", "Bilirubin", "Albumin", "LDL", "TSH", "CRP", "Lactate", "BNP", "NT-proBNP", "Blood pressure",
    "Heart rate", "Respiratory rate", "Temperature", "SpO2", "Weight", "BMI",
)  # fmt: skip
KEY = frozenset(code for code, name in SHORT.items() if name in KEY_NAMES)
_ORDER = [*KEY_NAMES, *dict.fromkeys(name for name in SHORT.values() if name not in KEY_NAMES)]
RANK: dict[str, int] = {code: _ORDER.index(name) for code, name in SHORT.items()}
