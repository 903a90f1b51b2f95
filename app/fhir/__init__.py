"""Read one patient's chart by FHIR R4 (4.0.1) and turn it into short, complete, citable facts.

Source: https://hl7.org/fhir/R4/
"""
