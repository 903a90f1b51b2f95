"""Errors of a turn; `app.errors` shows the tree."""

from app.errors import ChartsideError
from app.llm.errors import ModelNotAllowed


class TurnCut(ChartsideError):
    """The answer ended before its end: a model's stream was cut, or the process stopped."""

    status = 502
    code = "turn.cut"
    public = "The answer was cut off. What is shown is not complete. Ask again."


class PatientOptedOut(ModelNotAllowed):
    """The patient's record says that AI must not be used."""

    code = "model.opted_out"
    public = (
        "This patient asked that AI not be used. Chart rows are shown without a language model."
    )


class OptOutUnread(ModelNotAllowed):
    """Whether the patient opted out could not be read, so nothing is sent to a language model."""

    code = "model.opt_out_unread"
    public = (
        "Whether this patient asked that AI not be used could not be read. "
        "Chart rows are shown without a language model."
    )


class ModelSwitchedOff(ModelNotAllowed):
    """IT has switched this model off; `words` say which, why, and whom to call."""

    code = "model.switched_off"
    public = "The IT department has switched this language model off."

    def __init__(self, message: str, words: str) -> None:
        super().__init__(message)
        self.public = words
