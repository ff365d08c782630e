"""Text with a name, and places in it.

Everything that can be wrong carries a `Span`, so a message can always show the line.
A Rego body is a scalar inside a YAML file: `EmbeddedSource` maps places in the body
back to places in the file.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

# No file of a policy set may be larger.
MAX_BYTES = 1_000_000


def line_starts(text: str) -> tuple[int, ...]:
    """The offset of the first character of each line; only a line feed ends a line."""
    return (0, *(at + 1 for at, character in enumerate(text) if character == "\n"))


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A line and a column, both counted from 1; columns count characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A named text; `name` is the path as the user wrote it."""

    name: str
    text: str = field(repr=False)
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", line_starts(self.text))

    def position(self, offset: int) -> Position:
        """Line and column of a character offset."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset)
        return Position(line, offset - self._starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its newline."""
        if not 1 <= number <= len(self._starts):
            return ""
        ends = (*self._starts[1:], len(self.text) + 1)
        return self.text[self._starts[number - 1] : ends[number - 1] - 1].rstrip("\r")


@dataclass(frozen=True, slots=True)
class Span:
    """The characters from `start` up to, not including, `end` of a source."""

    source: Source = field(repr=False)
    start: int
    end: int

    @property
    def begin(self) -> Position:
        """Where the span starts."""
        return self.source.position(self.start)

    @property
    def finish(self) -> Position:
        """Where the span ends, exclusive."""
        return self.source.position(self.end)

    @property
    def text(self) -> str:
        """The characters of the span."""
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from this one's start to the other's end."""
        return Span(self.source, self.start, other.end)


@dataclass(frozen=True, slots=True)
class EmbeddedSource:
    """A text taken out of a file, which knows where each of its lines came from.

    Args:
        file: The file.
        text: The text as the inner language sees it.
        line_offsets: For each line of `text`, the file offset of its first character;
            empty if the mapping is not exact (escapes, folding), and then every place
            maps to the whole scalar.
        whole: The scalar in the file.
    """

    file: Source
    text: str
    line_offsets: tuple[int, ...]
    whole: Span
    _starts: tuple[int, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_starts", line_starts(self.text))

    def span(self, start: int, end: int) -> Span:
        """The place in the file of the characters `start` to `end` of the text."""
        if not self.line_offsets:
            return self.whole
        first = self._file_offset(start)
        last = self._file_offset(max(start, end - 1)) + 1 if end > start else first
        return Span(self.file, first, last)

    def _file_offset(self, offset: int) -> int:
        line = min(bisect_right(self._starts, offset), len(self.line_offsets)) - 1
        return self.line_offsets[line] + offset - self._starts[line]
