"""The database opens, or says why not; what a server quotes of the data stands in no error."""

import sys
from traceback import format_exception
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from app.errors import ConfigurationError
from app.store.engine import _quote_nothing, open_database


class ServerError(Exception):
    """As drivers raise one; `sqlstate` is psycopg's."""

    sqlstate = "23505"


def raised(error: Exception) -> IntegrityError:
    """Return what SQLAlchemy makes of a driver's error that came of another, and let the engine's listener see it."""
    try:
        try:
            raise ServerError(*error.args)
        except ServerError as first:
            raise error from first
    except ServerError as second:
        found = IntegrityError("INSERT", {}, second, hide_parameters=True)
        found.__cause__ = second
        context: Any = SimpleNamespace(original_exception=second, sqlalchemy_exception=found)
    _quote_nothing(context)
    return found


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ServerError({"C": "23505", "M": 'duplicate key "turn_key"', "D": "Key (patient)=(p-marked) exists"}), '23505 duplicate key "turn_key"'),
        (ServerError('duplicate key "turn_key"\nDETAIL:  Key (patient)=(p-marked) exists.'), '23505 duplicate key "turn_key"'),
        (ServerError({"C": "22P02", "M": 'invalid input syntax for type integer: "p-marked"'}), "22P02"),
        (ServerError({"C": "P0001", "M": "audit is append-only"}), "P0001 audit is append-only"),
    ],
)  # fmt: skip
def test_an_error_of_a_server_keeps_its_code_and_quotes_no_value(
    error: Exception, said: str
) -> None:
    found = raised(error)
    assert found.args == (said,)
    # The lines of this file that a trace shows hold no value.
    assert "p-marked" not in "".join(format_exception(found))


def test_a_driver_that_is_missing_is_named_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Whether it is installed here or not.
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(ConfigurationError, match=r"pg8000 is not installed.*requirements-postgres"):
        open_database("postgresql+pg8000://nobody@127.0.0.1/none")
