"""The client of Bulk Data Access: ask for an export, wait, download, check, and land it whole or not at all.

Source: Bulk Data Access 2.0.0 and 3.0.0; the names that 4.0.0 adds to the manifest are read
(https://hl7.org/fhir/uv/bulkdata/).
"""
