"""One database: SQLite by default, PostgreSQL by URL.

Carries sealed bytes and primitives; its users define the types.
"""
