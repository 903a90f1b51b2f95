"""Errors of a turn; `app.errors` shows the tree."""

from typing import ClassVar

from app.errors import ChartsideError


class TurnCut(ChartsideError):
    """The answer ended before its end: a model's stream was cut, or the process stopped."""

    status: ClassVar[int] = 502
    code: ClassVar[str] = "turn.cut"
    public: ClassVar[str] = "The answer was cut off. What is shown is not complete. Ask again."
