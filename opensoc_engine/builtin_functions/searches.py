"""Builtins that find all matches of an RE2 pattern, and cut or replace there.

A search may go through the rest of the text for each match, so both are bounded: text
beyond the first 65,536 characters and matches beyond the first 1,000 are as if they did
not match.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opensoc_engine.builtin_functions.patterns import (
    MAX_PATTERN,
    PatternError,
    compile_regex,
)
from opensoc_engine.builtin_functions.strings import MAX_FOUND, MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

# Twice as long as the longest command line of Windows.
MAX_SEARCHED = 65_536
_CACHED = 1024

# A character has at most four bytes.
_MOST_BYTES = 4 * MAX_LENGTH
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")
_NUMBER = re.compile("0|[1-9][0-9]{0,4}")


def regex_find_n(pattern: str, text: str, most: int) -> list[str] | None:
    """The first matches of the RE2 pattern; all, up to 1,000, if the number is -1."""
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    return [_text(m.group()) for m in _matches(compiled, _searched(text), most)]


def regex_find_groups(pattern: str, text: str, most: int) -> list[list[str]] | None:
    """For each of the first matches, the match and its groups; all if -1."""
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    found = _matches(compiled, _searched(text), most)
    return [[_text(part or b"") for part in (m.group(), *m.groups())] for m in found]


def regex_split(pattern: str, text: str) -> list[str] | None:
    """The parts of the string between matches of the RE2 pattern."""
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    data, parts, begin, end = _bytes(text), list[bytes](), 0, 0
    if not data:
        return [""] if pattern else []
    for match in _matches(compiled, _searched(text), -1):
        end, stop = match.span()
        if stop:
            parts.append(data[begin:end])
        begin = stop
    if end != len(data):
        parts.append(data[begin:])
    return list(map(_text, parts))


def regex_replace(text: str, pattern: str, value: str) -> str | None:
    """The string with all matches replaced; `$1` and `${name}` stand for groups."""
    compiled = _compiled(pattern)
    if compiled is None:
        return None
    data, pieces = _bytes(text), _pieces(value[:MAX_PATTERN], compiled)
    parts, size, begin = list[bytes](), 0, 0
    for match in _matches(compiled, _searched(text), -1):
        parts.append(data[begin : match.start()])
        size += len(parts[-1])
        for piece in pieces:
            parts.append(
                piece if isinstance(piece, bytes) else match.group(piece) or b""
            )
            size += len(parts[-1])
            if size > _MOST_BYTES:
                return _text(b"".join(parts))[:MAX_LENGTH]
        begin = match.end()
    parts.append(data[begin:])
    return _text(b"".join(parts))[:MAX_LENGTH]


def _pieces(value: str, compiled: Any) -> list[bytes | int]:
    """A replacement as text and numbers of groups, as Go reads it.

    A name is as long as it can be; a group that the pattern does not have is nothing.
    """
    pieces: list[bytes | int | None] = []
    begin = 0
    for found in _REFERENCE.finditer(value):
        pieces.append(_bytes(value[begin : found.start()]))
        name = found[2] or found[3]
        pieces.append(b"$" if name is None else _group(name, compiled))
        begin = found.end()
    pieces.append(_bytes(value[begin:]))
    return [piece for piece in pieces if piece not in (b"", None)]


def _group(name: str, compiled: Any) -> int | None:
    if _NUMBER.fullmatch(name):
        return int(name) if int(name) <= compiled.groups else None
    number: int | None = compiled.groupindex.get(_bytes(name))
    return number


def _matches(compiled: Any, data: bytes, most: int) -> Iterator[Any]:
    """Matches from the left; an empty one right behind another does not count."""
    left = min(most, MAX_FOUND) if most >= 0 else MAX_FOUND
    at, before = 0, -1
    while left > 0 and at <= len(data):
        match = compiled.search(data, at)
        if match is None:
            return
        start, stop = match.span()
        if start != stop or start != before:
            left -= 1
            yield match
        at = stop if stop > at else at + _width(data, at)
        before = stop


def _width(data: bytes, at: int) -> int:
    """How many bytes the character at a place has."""
    first = data[at] if at < len(data) else 0
    return 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)  # noqa: PLR2004


@lru_cache(_CACHED)
def _compile(pattern: str) -> Any | None:
    try:
        return compile_regex(pattern, capture=True)
    except PatternError:
        return None


def _compiled(pattern: str) -> Any | None:
    return _compile(pattern) if len(pattern) <= MAX_PATTERN else None


def _searched(text: str) -> bytes:
    return _bytes(text[:MAX_SEARCHED])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
