"""Bulk Data Access 3.0.0 at the pretend EHR: `$export` by system, patients and group, with the traps that real servers set.

Source: https://hl7.org/fhir/uv/bulkdata/STU3/export.html
"""
