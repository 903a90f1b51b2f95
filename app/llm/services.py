"""Clinical services by the words that name them in types, authors and settings of notes; read by questions and tools."""

import re

# The name of a service, and the words by which a note is known as one of its.
SERVICES: dict[str, tuple[str, ...]] = {
    "cardiology": ("cardiology", "cardiologist", "cardiac", "cardiovascular", "heart failure clinic"),
    "nephrology": ("nephrology", "nephrologist", "renal"),
    "pulmonology": ("pulmonology", "pulmonologist", "pulmonary"),
    "gastroenterology": ("gastroenterology", "gastroenterologist", "GI"),
    "endocrinology": ("endocrinology", "endocrinologist", "diabetes clinic"),
    "neurology": ("neurology", "neurologist", "stroke"),
    "oncology": ("oncology", "oncologist"),
    "hematology": ("hematology", "hematologist"),
    "infectious disease": ("infectious disease", "infectious diseases", "ID consult"),
    "rheumatology": ("rheumatology", "rheumatologist"),
    "dermatology": ("dermatology", "dermatologist"),
    "surgery": ("surgery", "surgical", "surgeon"),
    "orthopedics": ("orthopedics", "orthopedic", "orthopaedic"),
    "urology": ("urology", "urologist"),
    "psychiatry": ("psychiatry", "psychiatrist"),
    "ophthalmology": ("ophthalmology", "ophthalmologist", "eye clinic"),
    "podiatry": ("podiatry", "podiatrist"),
    "palliative care": ("palliative", "hospice"),
    "radiology": ("radiology", "radiologist"),
    "pathology": ("pathology", "pathologist"),
    "anesthesiology": ("anesthesiology", "anesthesia", "anesthesiologist"),
    "emergency medicine": ("emergency",),
    "hospital medicine": ("hospital medicine", "hospitalist"),
    "primary care": ("primary care", "family medicine", "internal medicine"),
    "nursing": ("nursing", "nurse", "RN", "LPN"),
    "pharmacy": ("pharmacy", "pharmacist", "PharmD"),
    "physical therapy": ("physical therapy", "physiotherapy"),
    "occupational therapy": ("occupational therapy",),
    "speech therapy": ("speech therapy", "speech pathology", "SLP"),
    "nutrition": ("nutrition", "dietitian", "dietician"),
    "social work": ("social work", "social worker", "LCSW"),
    "case management": ("case management", "case manager"),
    "wound care": ("wound care",),
}  # fmt: skip


def service_named(word: str) -> str:
    """Return the service that a word names ("cardiologist": cardiology), empty where it names none."""
    wanted = " ".join(word.casefold().split())
    named = (
        name for name, words in SERVICES.items() if wanted in {name, *(w.casefold() for w in words)}
    )
    return next(named, "")


def forms_of(service: str) -> tuple[str, ...]:
    """Return the words of a service; of one that is not in the list, its own name."""
    return SERVICES.get(service_named(service), (service,))


def of_service(text: str, service: str) -> bool:
    """Tell whether what a note is called, and who wrote it, names a service; a short form counts in capitals only."""
    for word in forms_of(service):
        flags = 0 if word.isupper() or word[-1:].isupper() else re.IGNORECASE
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, flags):
            return True
    return False
