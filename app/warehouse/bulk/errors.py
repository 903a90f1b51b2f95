"""Why an export stops. The message says what the server said, for the operator; `public` says what to do."""

from app.errors import ChartsideError


class ExportFailed(ChartsideError):
    """The export ended without its files; the message holds the server's own words."""

    status = 502
    code = "export.failed"
    public = "The export did not succeed. Nothing of it was taken over; the data before it stays."


class ExportRefused(ExportFailed):
    """The server does not take the request as it is (a 4xx at the kick-off); another request may be taken."""

    code = "export.refused"


class ExportLost(ExportFailed):
    """The server knows the export no longer (404 or 410 at its status address)."""

    code = "export.lost"
    public = "The EHR no longer knows this export. Start it again: what is downloaded is kept."


class ExportRunning(ChartsideError):
    """Another process works on the same data set."""

    status = 409
    code = "export.running"
    public = "An export of this data set is running already."
