"""Counterparts of our own, for what no other server does on demand: cutting, stalling, refusing."""
