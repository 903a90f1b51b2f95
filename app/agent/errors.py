"""Errors of a turn; `app.errors` shows the tree."""

from typing import ClassVar

from app.errors import ChartsideError
from app.llm.errors import ModelNotAllowed


class TurnCut(ChartsideError):
    """The answer ended before its end: a model's stream was cut, or the process stopped."""

    status: ClassVar[int] = 502
    code: ClassVar[str] = "turn.cut"
    public: ClassVar[str] = "The answer was cut off. What is shown is not complete. Ask again."


class PatientOptedOut(ModelNotAllowed):
    """The patient's record says that AI must not be used."""

    code: ClassVar[str] = "model.opted_out"
    public: ClassVar[str] = (
        "This patient asked that AI not be used. Chart rows are shown without a language model."
    )


class OptOutUnread(ModelNotAllowed):
    """Whether the patient opted out could not be read, so nothing is sent to a language model."""

    code: ClassVar[str] = "model.opt_out_unread"
    public: ClassVar[str] = (
        "Whether this patient asked that AI not be used could not be read. "
        "Chart rows are shown without a language model."
    )
