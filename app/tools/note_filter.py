"""Which notes are wanted: by author, by the service that wrote them, by the type of note."""

import re
from dataclasses import dataclass

from app.fhir.chart import Line
from app.fhir.note import Note
from app.llm.services import of_service

# A paragraph that says what to do.
ADVICE = re.compile(
    r"\b(?:recommend\w*|advis\w+|advice|suggest\w*|plan|continue|start|stop|increase|reduce|decrease|avoid|hold|switch|repeat"
    r"|follow[ -]?up|return|refer|should)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class NoteFilter:
    """What narrows a look through notes; empty fields take every note."""

    author: str = ""
    service: str = ""
    kind: str = ""

    def takes(self, line: Line) -> bool:
        """Tell whether the record of a note is wanted."""
        return self._takes(line.text("author"), line.text("type"), line.text("service"))

    def takes_note(self, note: Note) -> bool:
        """Tell whether a note is wanted."""
        return self._takes(note.author, note.kind, note.service)

    def _takes(self, author: str, kind: str, service: str) -> bool:
        by = self.author.casefold() in author.casefold()
        called = self.kind.casefold() in kind.casefold()
        if not by or not called:
            return False
        return not self.service or of_service(f"{service} | {kind} | {author}", self.service)

    @property
    def words(self) -> str:
        """Say the service and the type, behind what was looked for."""
        of = f" of type {self.kind}" if self.kind else ""
        return f" by {self.service}{of}" if self.service else of


EVERY = NoteFilter()
