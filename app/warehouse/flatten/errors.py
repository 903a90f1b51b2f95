"""Why no tables were written."""

from app.errors import ChartsideError


class FlattenFailed(ChartsideError):
    """Tables could not be written as asked; the message says why, and holds no value of the data."""

    status = 500
    code = "flatten.failed"
    public = "The tables were not written. Those before them stay."
