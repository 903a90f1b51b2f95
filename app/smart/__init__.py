"""SMART App Launch 2.2.0, client side: registrations, discovery, EHR launch, id_token, scopes, tokens.

Source: https://hl7.org/fhir/smart-app-launch/STU2.2/
"""
