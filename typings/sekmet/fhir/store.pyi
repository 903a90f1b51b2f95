import sqlite3
from contextlib import AbstractContextManager

class Store:
    conn: sqlite3.Connection
    def __init__(self, path: str) -> None: ...
    def transaction(self) -> AbstractContextManager[None]: ...
