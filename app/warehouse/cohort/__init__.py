"""Cohorts over a snapshot: who fits criteria, how many, by what; counted so that nobody can be told from the counts.

flat       views.duckdb: the views and `event`, with whose a record is; only our own generated SQL reads it
deid       deid.duckdb: what a free SELECT may read, without what identifies
criteria   structured criteria, and their one parameterised SQL and words
memory     what was answered, and whether one more answer lets fewer than 11 patients be counted
answers    the door: rights, suppression, memory, audit
"""
