"""Diagnostics become text for people: the line, a caret, and advice.

Every character of a file is shown as something harmless of known width, so that carets
stand right under tabs and wide characters, and no file can send codes to a terminal.
The formats for machines are in `render_formats`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from unicodedata import combining, east_asian_width

from opensoc_engine.diagnostics import Severity
from opensoc_engine.render_formats import render_github, render_json, render_sarif

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from opensoc_engine.diagnostics import Diagnostic, Label
    from opensoc_engine.source import Source, Span

__all__ = ["render_github", "render_json", "render_sarif", "render_text", "summary"]

_TAB = 4
# A longer line is cut to this many characters around the caret.
_WINDOW = 100
_BEFORE = 40

_STYLES = {
    "error": "1;31",
    "warning": "1;33",
    "message": "1",
    "gutter": "34",
    "other": "36",
    "help": "32",
}


def render_text(diagnostics: Iterable[Diagnostic], *, color: bool = False) -> str:
    """All diagnostics as text, a blank line between two, no newline at the end."""
    painter = _Painter(color)
    return "\n\n".join("\n".join(_lines(found, painter)) for found in diagnostics)


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are, such as `3 errors, 1 warning`."""
    errors = sum(found.severity is Severity.ERROR for found in diagnostics)
    warnings = len(diagnostics) - errors
    parts = [_count(errors, "error"), _count(warnings, "warning")]
    return ", ".join(part for part in parts if part) or "no problems"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number > 1 else ''}" if number else ""


@dataclass(frozen=True, slots=True)
class _Painter:
    """Adds colours, or leaves text as it is."""

    color: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self.color and text else text


@dataclass(frozen=True, slots=True)
class _Mark:
    """A label to draw: on one line of one source, from a column to a column."""

    label: Label
    is_main: bool

    @property
    def span(self) -> Span:
        return self.label.span

    @property
    def source(self) -> Source:
        return self.span.source

    @property
    def line(self) -> int:
        return self.span.begin.line

    def columns(self, text: str) -> tuple[int, int]:
        """First and last column on the line, from 0, exclusive, at least one wide."""
        first = self.span.begin.column - 1
        finish = self.span.finish
        last = finish.column - 1 if finish.line == self.line else len(text.rstrip())
        return first, max(last, first + 1)


def _lines(found: Diagnostic, paint: _Painter) -> Iterator[str]:
    severity = found.severity.value
    head = paint(severity, f"{severity}[{found.code}]")
    yield head + paint("message", f": {_plain(found.message)}")
    marks = [_Mark(found.label, is_main=True)]
    marks += [_Mark(label, is_main=False) for label in found.others]
    shown = [mark for mark in marks if mark.source.text]
    width = max((len(str(mark.line)) for mark in shown), default=1)
    yield _arrow("-->", marks[0], width, paint)
    if shown:
        yield from _snippets(marks, width, paint)
    if found.help:
        yield (
            _gutter("", width, paint, "=")
            + f" {paint('help', 'help')}: "
            + (_plain(found.help))
        )


def _arrow(arrow: str, mark: _Mark, width: int, paint: _Painter) -> str:
    begin = mark.span.begin
    place = f":{begin.line}:{begin.column}" if mark.source.text else ""
    return f"{' ' * width}{paint('gutter', arrow)} {_plain(mark.source.name)}{place}"


def _gutter(number: str, width: int, paint: _Painter, bar: str = "|") -> str:
    return paint("gutter", f"{number:>{width}} {bar}")


def _snippets(marks: list[_Mark], width: int, paint: _Painter) -> Iterator[str]:
    """The marked lines of the first source, then those of the others."""
    for at, source in enumerate(dict.fromkeys(mark.source for mark in marks)):
        own = [mark for mark in marks if mark.source == source and source.text]
        if at and own:
            yield _arrow(":::", own[0], width, paint)
        if own:
            yield _gutter("", width, paint)
        previous = None
        for number in sorted({mark.line for mark in own}):
            if previous is not None and number > previous + 1:
                yield paint("gutter", "...")
            on_line = [mark for mark in own if mark.line == number]
            yield from _marked_line(on_line, width, paint)
            previous = number


def _marked_line(marks: list[_Mark], width: int, paint: _Painter) -> Iterator[str]:
    """A line and its marks; a long line is shown once for each mark."""
    text = marks[0].source.line(marks[0].line)
    number = str(marks[0].line)
    groups = [marks] if len(text) <= _WINDOW else [[mark] for mark in marks]
    for group in groups:
        view = _View.around(text, group[0].columns(text)[0])
        yield f"{_gutter(number, width, paint)} {view.text}".rstrip()
        for mark in group:
            yield f"{_gutter('', width, paint)} {_underline(mark, view, text, paint)}"


def _underline(mark: _Mark, view: _View, text: str, paint: _Painter) -> str:
    start, end = (view.place(column) for column in mark.columns(text))
    strokes = ("^" if mark.is_main else "-") * max(end - start, 1)
    said = f" {_plain(mark.label.text)}" if mark.label.text else ""
    style = "error" if mark.is_main else "other"
    return " " * start + paint(style, strokes + said)


@dataclass(frozen=True, slots=True)
class _View:
    """The part of a line that is shown.

    Attributes:
        first: The column of the first character shown.
        starts: Where each character shown starts on the screen, and where the last
            ends.
    """

    text: str
    first: int
    starts: tuple[int, ...]

    @classmethod
    def around(cls, line: str, column: int) -> _View:
        """The whole line, or a window that holds the column."""
        first = max(0, min(column - _BEFORE, len(line) - _WINDOW))
        cut = line[first : first + _WINDOW]
        shown = "…" if first else ""
        starts = []
        at = len(shown)
        for character in cut:
            starts.append(at)
            cell = _cell(character, at)
            shown += cell
            at += _width(cell)
        more = "…" if first + len(cut) < len(line) else ""
        return cls(shown + more, first, (*starts, at))

    def place(self, column: int) -> int:
        """Where a column stands on the screen, or the nearest place that is shown."""
        at = min(max(column - self.first, 0), len(self.starts) - 1)
        beyond = max(column - self.first - at, 0) if at == len(self.starts) - 1 else 0
        return self.starts[at] + min(beyond, 1)


def _cell(character: str, at: int) -> str:
    if character == "\t":
        return " " * (_TAB - at % _TAB)
    return _plain(character)


def _plain(text: str) -> str:
    """The text with escapes for all that does not print."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _width(text: str) -> int:
    """Columns on a screen: two for wide characters, none for combining ones."""
    if text.isascii():
        return len(text)
    return sum(
        0 if combining(c) else 2 if east_asian_width(c) in "WF" else 1 for c in text
    )
