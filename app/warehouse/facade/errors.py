"""What the facade refuses, as FHIR says it: a status, an issue type, and words that name what was wrong."""

from app.errors import ChartsideError


class FacadeRefused(ChartsideError):
    """A request that is not answered. `issue` is of http://hl7.org/fhir/issue-type; `words` hold no value of a chart."""

    status = 400
    code = "facade.refused"
    public = "This is not answered from the store."

    def __init__(self, words: str, *, http_status: int = 400, issue: str = "invalid") -> None:
        super().__init__(words)
        self.words = words
        self.http_status = http_status
        self.issue = issue


def unsupported(what: str) -> FacadeRefused:
    """Refuse what is not supported, by name."""
    return FacadeRefused(f"{what} is not supported here", issue="not-supported")


def not_found(reference: str) -> FacadeRefused:
    """Say the same of what is not there and of what is another patient's."""
    return FacadeRefused(f"{reference} is not in this patient's record here", http_status=404, issue="not-found")  # fmt: skip
