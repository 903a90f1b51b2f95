"""Open the database and bring it to the present schema."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import ConfigurationError

INSTALL = "for PostgreSQL: pip install --no-deps --require-hashes -r requirements-postgres.txt, and postgresql+pg8000://…"
BUSY_TIMEOUT_MS = 5_000
# A statement that needs no transaction around it: it sees, and is, one state by itself.
BY_ITSELF = "chartside_by_itself"
_QUEUES: WeakKeyDictionary[Engine, threading.Lock] = WeakKeyDictionary()


def open_database(url: str) -> Engine:
    """Return an engine on a database that has every migration; SQLite's folder is made if missing.

    Raises:
        ConfigurationError: the driver that the URL names is not installed.
    """
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    # The pool is not shared with a stream: every transaction below is short (decision 5).
    # An error of the database would quote its parameters (user, patient, ids): none may reach a log or a trace.
    try:
        engine = create_engine(parsed, pool_size=10, max_overflow=20, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise ConfigurationError(f"CHARTSIDE_DATABASE_URL: {error.name} is not installed; {INSTALL}") from error  # fmt: skip
    if sqlite:
        _QUEUES[engine] = threading.Lock()
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_at_once)
    else:
        event.listen(engine, "handle_error", _quote_nothing)
    migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Run every migration that is missing."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One query, which waits for no writer; never held across a `yield` of a stream."""
    with engine.connect() as connection:
        yield connection.execution_options(**{BY_ITSELF: True})


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One short transaction, committed at the end; never held across a `yield` of a stream.

    SQLite has one writer at a time and lets the others try again blindly; those of this process queue instead.
    """
    with _QUEUES.get(engine, nullcontext()), engine.begin() as connection:
        yield connection


@contextmanager
def writing_once(engine: Engine) -> Iterator[Connection]:
    """One statement that writes, which is a transaction by itself; as `writing` for everything else.

    Whoever writes holds up the queue, and each further statement (BEGIN and COMMIT are two) is one more wait for the
    interpreter while it does: with hundreds of streams that is a millisecond each.
    """
    with _QUEUES.get(engine, nullcontext()), engine.connect() as connection:
        yield connection.execution_options(**{BY_ITSELF: True})
        connection.commit()


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # Without this the driver opens transactions lazily and upgrades a read lock late: "database is locked".
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.close()


def _begin_at_once(connection: Connection) -> None:
    if not connection.get_execution_options().get(BY_ITSELF, False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _quote_nothing(context: ExceptionContext) -> None:
    """Leave of a server's error its code and what it is about.

    `hide_parameters` covers what SQLAlchemy says. PostgreSQL itself quotes values: those of the key that stands twice, of the row
    that fails, of the text that is no number.
    """
    said = _code_and_words(context.original_exception)
    one: BaseException | None = context.original_exception
    while one is not None:
        one.args = (said,)
        one = one.__cause__ or one.__context__
    if context.sqlalchemy_exception is not None:
        context.sqlalchemy_exception.args = (said,)


def _code_and_words(error: BaseException) -> str:
    first = error.args[0] if error.args else ""
    if isinstance(first, dict):  # pg8000's fields of a message
        code, words = str(first.get("C", "")), str(first.get("M", ""))
    else:
        code, words = str(getattr(error, "sqlstate", None) or ""), str(first).partition("\n")[0]
    # Class 22 is a value that does not fit: its words are that value.
    return code if code.startswith("22") else f"{code} {words}".strip()
