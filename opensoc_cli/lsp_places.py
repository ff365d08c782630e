"""Offsets in a text become the positions of the editor's protocol, and back.

The protocol counts lines from 0, and columns in units of an encoding that both sides
agree on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lsprotocol import types as lsp

if TYPE_CHECKING:
    from opensoc_engine.source import Source, Span

# Bytes a unit; lone surrogates are possible in what an editor sends.
_UNITS = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}


def offset_of(text: str, position: lsp.Position, encoding: str) -> int:
    """The offset of a position; beyond a line or the text it is their end."""
    start = 0
    for _ in range(position.line):
        feed = text.find("\n", start)
        if feed < 0:
            return len(text)
        start = feed + 1
    feed = text.find("\n", start)
    line = text[start : feed if feed >= 0 else len(text)].removesuffix("\r")
    return start + _characters(line, position.character, encoding)


def _characters(line: str, units: int, encoding: str) -> int:
    """How many characters the first units of a line are, broken ones left out."""
    used = 0
    for at, character in enumerate(line):
        used += _width(character, encoding)
        if used > units:
            return at
    return len(line)


def position_of(source: Source, offset: int, encoding: str) -> lsp.Position:
    """The position of an offset."""
    place = source.position(offset)
    line = source.line(place.line)[: place.column - 1]
    return lsp.Position(place.line - 1, _width(line, encoding))


def _width(text: str, encoding: str) -> int:
    codec, size = _UNITS[encoding]
    return len(text.encode(codec, "surrogatepass")) // size


def range_of(span: Span, encoding: str) -> lsp.Range:
    """The range of a span."""
    begin = position_of(span.source, span.start, encoding)
    return lsp.Range(begin, position_of(span.source, span.end, encoding))
