"""Deterministic checks of this chart's orders against small lists: allergy class, duplicates, kidney, QT, supply.

The lists hold facts, no advice and no pair of interacting medicines: the EHR has its own licensed check for those.
Every result says how many entries were checked, and that no match is not a clearance.
"""
