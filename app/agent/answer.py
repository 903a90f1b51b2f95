"""Turn model text into a safe stream: cleaned, handles resolved to numbered chips, every sentence judged as it ends.

What leaves: text deltas in which a citation is U+E000 n U+E001 (never split), the citation as pending before its
chip, blocks asked for by `[show ...]`, and a verdict for each citation when its sentence is complete. A handle that
this launch never issued leaves no trace but a count.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from app.agent.clean import Cleaner
from app.agent.events import (
    CITE_CLOSE,
    CITE_OPEN,
    BlockShown,
    Citation,
    CustomPayload,
    NoSource,
)
from app.agent.facts import Fact, facts
from app.agent.grounding import Background, Check, Judged, Part, judge
from app.agent.sentences import CITED, STOPS, end_of_sentence
from app.agent.uncited import GENERAL
from app.errors import UnknownHandle
from app.fhir.citation import CITATION, COMPUTED, HANDLE, SHOW, Evidence
from app.fhir.computed import names_nothing
from app.fhir.display import Block
from app.llm.streams import elsewhere

# Printable ASCII without what opens a tag or a citation and what ends a sentence.
PLAIN = re.compile(r"[^\x00-\x1f.!?<\[\x7f-\U0010ffff]+")
# A bracket longer than this is not a citation; [show ...] may name many rows.
MOST_BRACKET = 400
# What goes on for longer is judged in parts; words before the last part then have no source.
MOST_SENTENCE = 1_500
OPEN_BRACKET = re.compile(r"\[[^\[\]\n]*\Z")
BRACKETS = re.compile(rf"{SHOW.pattern}|{CITATION.pattern}")


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Text to show now."""

    text: str


Piece = Delta | CustomPayload


@dataclass(frozen=True, kw_only=True)
class Chip:
    """A resolved handle: its number in the launch, its spoken label, its evidence."""

    handle: str
    n: int
    label: str
    summary: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, kw_only=True)
class Library:
    """How an answer looks things up: a handle to a chip, handles to blocks. Both raise UnknownHandle."""

    chip: Callable[[str], Chip]
    show: Callable[[Sequence[str]], tuple[Block, ...]]


@dataclass(kw_only=True)
class Tally:
    """What the foot of the answer counts."""

    sources: set[int] = field(default_factory=set)
    mismatches: int = 0
    without_source: int = 0
    general: int = 0
    unknown_handles: int = 0
    characters: int = 0


@dataclass(kw_only=True)
class _Sentence:
    """The sentence being written: its text with a mark for each citation, and the chips in order."""

    text: str = ""
    chips: list[tuple[Chip, ...]] = field(default_factory=list)


class Answer:
    """One message being written."""

    def __init__(self, message_id: str, library: Library, background: Background) -> None:
        self.message_id = message_id
        self._library = library
        self._background = background
        self._cleaner = Cleaner()
        self._held = ""
        self._blanks = ""
        # An unknown handle was removed: its blank goes too, if punctuation or another blank follows.
        self._gap = False
        self._at_line_start = True
        self._sentence = _Sentence()
        self._number = 0
        self._earlier: dict[str, tuple[Fact, ...]] = {}
        self._queued: list[tuple[str, ...]] = []
        self._drawn: set[str] = set()
        self._own: set[str] = set()
        # The last sentence in which nothing was found that ends one.
        self._endless = ""
        self.tally = Tally()

    def own(self, sentence: str) -> None:
        """Take a sentence, word for word, for the assistant's about itself: it needs no source."""
        self._own.add(" ".join(sentence.split()))

    def plain(self, text: str) -> str | None:
        """Return what `feed` would show of plain words within a sentence, None where only `feed` can tell.

        Most tokens are such words. Nothing in them could be a tag, a citation or the end of a sentence.
        """
        body = text.rstrip(" ")
        if self._gap or self._held or self._cleaner.waiting or not PLAIN.fullmatch(body):
            return None
        before = self._sentence.text
        if before is not self._endless and STOPS.search(before):
            return None
        shown = self._blanks + body
        said = before + shown
        if len(said) > MOST_SENTENCE:
            return None
        self._sentence.text = self._endless = said
        self._blanks = text[len(body) :]
        self._at_line_start = False
        self.tally.characters += len(shown)
        return shown

    def feed(self, text: str) -> Iterator[Piece]:
        """Yield what can be shown after these characters."""
        yield from self._take(self._cleaner.feed(text))

    def finish(self, *, cut: bool = False) -> Iterator[Piece]:
        """Yield the rest; an unfinished bracket is text after all. `cut`: the text ended too early, so it is dropped."""
        if cut:
            self._held = ""
        else:
            yield from self._take(self._cleaner.finish(), last=True)
            yield from self._blocks()
        if self._sentence.text.strip() or self._sentence.chips:
            yield from self._judge(self._sentence)
            self._sentence = _Sentence()

    # ------------------------------------------------------------ text

    def _take(self, text: str, *, last: bool = False) -> Iterator[Piece]:
        waiting = self._held + text
        if "[" not in waiting:
            yield from self._words(waiting, last=last)
            return
        self._held = ""
        unfinished = None if last else OPEN_BRACKET.search(waiting)
        if unfinished and len(waiting) - unfinished.start() <= MOST_BRACKET:
            self._held = waiting[unfinished.start() :]
            waiting = waiting[: unfinished.start()]
        at = 0
        for match in BRACKETS.finditer(waiting):
            yield from self._words(waiting[at : match.start()])
            at = match.end()
            handles = HANDLE.findall(match[0].removeprefix("[show"))
            if match[0].startswith("[show"):
                self._queued.append(tuple(handles))
                self._blanks = ""
            else:
                yield from self._cite(handles)
        yield from self._words(waiting[at:], last=last)

    def _words(self, text: str, *, last: bool = False) -> Iterator[Piece]:
        """Send words; blanks wait, so that none is left before a handle that turns out to be unknown."""
        while "\n" in text:
            line, _, text = text.partition("\n")
            yield from self._line(line)
            yield from self._end_line()
        yield from self._line(text)
        if last:
            self._blanks = ""

    def _line(self, text: str) -> Iterator[Piece]:
        if not text:
            return
        if self._gap and text[0] in " \t.,;:!?)":
            self._blanks = ""
        self._gap = False
        body = text.rstrip(" \t")
        if body:
            yield from self._say(self._blanks + body)
            self._blanks = ""
        self._blanks += text[len(body) :]

    def _end_line(self) -> Iterator[Piece]:
        """End a line: a line that held nothing but [show ...] leaves no empty line behind."""
        self._blanks = ""
        if self._queued:
            if not self._at_line_start:
                yield from self._say("\n")
            yield from self._blocks()
            return
        if self.tally.characters:  # an answer begins with words
            yield from self._say("\n")

    def _say(self, text: str, *, spoken: str | None = None) -> Iterator[Piece]:
        self._at_line_start = text.endswith("\n")
        self.tally.characters += len(text)
        self._sentence.text += text if spoken is None else spoken
        yield Delta(text=text)
        while (end := end_of_sentence(self._sentence.text)) is not None:
            yield from self._split(end)
        if len(self._sentence.text) > MOST_SENTENCE:
            # Comparing takes longer than its words are many: without an end it would hold up every other answer.
            blank = self._sentence.text.rfind(" ", 0, MOST_SENTENCE)
            yield from self._split(blank + 1 or MOST_SENTENCE)

    def _split(self, end: int) -> Iterator[Piece]:
        """Judge the part of the text that is a complete sentence, keep the rest."""
        text = self._sentence.text
        count = text[:end].count(CITED)
        done = _Sentence(text=text[:end], chips=self._sentence.chips[:count])
        self._sentence = _Sentence(text=text[end:], chips=self._sentence.chips[count:])
        if done.text.strip():
            yield from self._judge(done)

    # ------------------------------------------------------------ citations

    def _cite(self, handles: Sequence[str]) -> Iterator[Piece]:
        chips = tuple(chip for handle in dict.fromkeys(handles) if (chip := self._chip(handle)))
        if not chips:
            self._gap = True
            # Nothing is shown, but the words before it are known to have no source.
            self._sentence.chips.append(())
            self._sentence.text += CITED
            return
        self._blanks = ""
        self._sentence.chips.append(chips)
        for chip in chips:
            self.tally.sources.add(chip.n)
            yield self._citation(chip, Check(verdict="pending"), claim="")
            if chip.handle.startswith(COMPUTED) and not names_nothing(chip.evidence):
                # What was computed never stands without its inputs, its rule and what is missing.
                self._queued.append((chip.handle,))
        marks = "".join(f"{CITE_OPEN}{chip.n}{CITE_CLOSE}" for chip in chips)
        yield from self._say(marks, spoken=CITED)

    def _chip(self, handle: str) -> Chip | None:
        try:
            return self._library.chip(handle)
        except UnknownHandle:
            self.tally.unknown_handles += 1
            return None

    def _citation(self, chip: Chip, check: Check, claim: str) -> Citation:
        return Citation(
            message_id=self.message_id, sentence=self._number, n=chip.n, label=chip.label, summary=chip.summary,
            search=chip.handle.startswith("S"), verdict=check.verdict, claim=claim,
            fields=check.fields, differences=check.differences,
        )  # fmt: skip

    def _judge(self, sentence: _Sentence) -> Iterator[Piece]:
        texts = sentence.text.split(CITED)
        parts = [
            Part(
                text=text,
                handles=tuple(chip.handle for chip in chips),
                invented=not chips and at < len(sentence.chips),
            )
            for at, (text, chips) in enumerate(zip(texts, [*sentence.chips, ()], strict=True))
        ]
        chips = {chip.handle: chip for group in sentence.chips for chip in group}
        # To hold words against a long note takes up to a second, and other answers stream meanwhile.
        judged = (
            elsewhere(lambda: self._checked(parts, chips)) if chips else self._checked(parts, chips)
        )
        claim = " ".join("".join(texts).split())
        for handle, check in judged.checks.items():
            self.tally.mismatches += check.verdict == "mismatch"
            yield self._citation(chips[handle], check, claim)
        if claim.strip("*") in self._own:
            judged = replace(judged, kind="")
        self.tally.without_source += judged.no_source
        self.tally.general += judged.kind == "general_knowledge" or bool(GENERAL.search(claim))
        if judged.kind:
            yield NoSource(
                message_id=self.message_id, sentence=self._number, claim=claim, kind=judged.kind
            )
        self._number += 1

    def _checked(self, parts: Sequence[Part], chips: Mapping[str, Chip]) -> Judged:
        """Hold a sentence against its sources, and keep what these say for the sentences behind it."""
        evidence = {handle: chip.evidence for handle, chip in chips.items()}
        judged = judge(parts, evidence, self._seen(), self._earlier)
        for handle, found in evidence.items():
            if handle not in self._earlier:
                self._earlier[handle] = facts(handle, found, self._background.zone)
        return judged

    def _seen(self) -> Background:
        earlier = (f for found in self._earlier.values() for f in found)
        return replace(self._background, earlier=(*self._background.earlier, *earlier))

    # ------------------------------------------------------------ blocks

    def _blocks(self) -> Iterator[Piece]:
        """Show the blocks asked for, once their line is complete."""
        queued, self._queued = self._queued, []
        for handles in queued:
            wanted = [h for h in handles if not (h.startswith(COMPUTED) and h in self._drawn)]
            known = [handle for handle in wanted if self._chip(handle)]
            self._drawn.update(known)
            for block in self._library.show(known) if known else ():
                yield BlockShown(message_id=self.message_id, block=block)
