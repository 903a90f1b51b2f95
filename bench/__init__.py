"""Figures beside their goals and peers; each module prints one JSON line per figure."""
