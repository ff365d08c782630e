"""A file becomes JSON documents, or a named fault for each part that is none.

A file holds one document a line (JSON Lines, also as the lines of an array) or one or
more documents written over many lines. What is read is bounded: a line by `MAX_LINE`, a
document over many lines by `MAX_TEXT`, nesting by `MAX_DEPTH`. A fault costs its line
alone; only a broken document over many lines ends its file. What comes out holds finite
numbers, and text without lone surrogates.
"""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_LINE = 16 * 1024 * 1024
# A document over many lines is read whole: the archives that clouds deliver fit.
MAX_TEXT = 64 * 1024 * 1024
# Telemetry nests about ten levels deep; every walk behind this border may recurse.
MAX_DEPTH = 100

# First bytes of what people hand in by mistake, and what to do about it.
_NOT_TEXT = {
    BOM_UTF16_LE: "the file is UTF-16: save it as UTF-8",
    BOM_UTF16_BE: "the file is UTF-16: save it as UTF-8",
    b"ElfFile\0": "the file is a binary event log (EVTX): export it as JSON first",
    b"\x1f\x8b": "the file is compressed: unpack it first",
    b"PK\x03\x04": "the file is compressed: unpack it first",
}
_TOO_DEEP = f"objects and arrays nest more than {MAX_DEPTH} levels deep"
_NO_END = "the JSON value does not end"
_MAX_DIGITS = 1000
_LINES_TRIED = 64
_SPACE = re.compile(r"[ \t\r\n]*")
_MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON object or array.

    Attributes:
        line: Where it begins, from 1.
        size: Its length in bytes.
    """

    value: dict[str, Any] | list[Any]
    line: int
    size: int


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of a file that can't be used, and why; the reason is one line."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Line:
    """A line without white space at its ends; None instead of one that is too long."""

    number: int
    text: bytes | None


def read_documents(stream: BinaryIO) -> Iterator[Document | Fault]:
    """The documents of a file, in order."""
    lines = _lines(stream, 1)
    first = next(lines, None)
    if first is None:
        yield Fault(1, "the file is empty")
    elif problem := _not_text(first.text or b""):
        yield Fault(1, problem)
    elif first.text is None or not _is_unfinished(first.text):
        yield from _read_lines(chain([first], lines))
    else:
        yield from _read_text(first, stream)


def _not_text(start: bytes) -> str:
    known = (why for mark, why in _NOT_TEXT.items() if start.startswith(mark))
    return next(known, "the file is not text" if b"\0" in start else "")


def _lines(stream: BinaryIO, number: int) -> Iterator[_Line]:
    """The lines that are not blank; a line that is too long is read past."""
    while raw := stream.readline(MAX_LINE + 1):
        text = raw.removeprefix(BOM_UTF8) if number == 1 else raw
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            _read_past(stream)
            yield _Line(number, None)
        elif text := text.strip():
            yield _Line(number, text)
        number += 1


def _read_past(stream: BinaryIO) -> None:
    while (part := stream.readline(MAX_LINE)) and not part.endswith(b"\n"):
        pass


def _is_unfinished(line: bytes) -> bool:
    """True for a first line that may begin a document over many lines."""
    found = _read_line(line, 0)
    return isinstance(found, Fault) and found.reason == _NO_END


def _read_text(first: _Line, stream: BinaryIO) -> Iterator[Document | Fault]:
    """The documents of a file whose first line is none.

    The file is read as documents over many lines. If that fails and some line is a
    document by itself, then some lines are broken, or they are those of an array.
    """
    start = b"\n" * (first.number - 1) + (first.text or b"") + b"\n"
    raw = start + stream.read(MAX_TEXT + 1)
    raw += stream.readline(MAX_LINE)
    found = _read_sequence(raw)
    if isinstance(found[-1], Fault) and _has_item(raw):
        rest = _lines(stream, raw.count(b"\n") + 1)
        yield from _read_lines(chain(_lines(BytesIO(raw), 1), rest))
    else:
        yield from found


def _read_sequence(raw: bytes) -> list[Document | Fault]:
    if len(raw) > MAX_TEXT:
        limit = f"{MAX_TEXT // _MEBIBYTE} MiB"
        why = f"a document over many lines is longer than {limit}"
        return [Fault(1, f"{why}: write one record a line")]
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return [Fault(line, "not UTF-8; the rest of the file is left out")]
    return list(_decode_sequence(text))


def _decode_sequence(text: str) -> Iterator[Document | Fault]:
    begin, line = _after_space(text, 0), 1
    line += text.count("\n", 0, begin)
    while begin < len(text):
        try:
            value, end = _decode(text, begin)
        except InputError as error:
            yield Fault(line, f"{error}; the rest of the file is left out")
            return
        yield Document(value, line, end - begin)
        after = _after_space(text, end)
        line += text.count("\n", begin, after)
        begin = after


def _after_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _read_lines(lines: Iterable[_Line]) -> Iterator[Document | Fault]:
    for line in lines:
        if line.text is None:
            limit = f"{MAX_LINE // _MEBIBYTE} MiB"
            yield Fault(line.number, f"the line is longer than {limit}")
        elif line.text not in {b"[", b"]"}:
            yield _read_item(line.text, line.number)


def _has_item(raw: bytes) -> bool:
    lines = islice(_lines(BytesIO(raw), 1), _LINES_TRIED)
    items = (line.text for line in lines if line.text and line.text[:1] == b"{")
    return any(isinstance(_read_item(item, 0), Document) for item in items)


def _read_item(line: bytes, number: int) -> Document | Fault:
    """The document of a line, which may be one item of an array over many lines."""
    item = line.removesuffix(b",").rstrip()
    found = _read_line(item, number)
    if isinstance(found, Document):
        return found
    inner = item.removeprefix(b"[") if item.startswith(b"[{") else item
    inner = inner.removesuffix(b"]") if inner.endswith(b"}]") else inner
    alone = found if inner == item else _read_line(inner, number)
    return alone if isinstance(alone, Document) else found


def _read_line(line: bytes, number: int) -> Document | Fault:
    try:
        text = line.decode()
        value, end = _decode(text, 0)
    except UnicodeDecodeError as error:
        return Fault(number, f"not UTF-8 at byte {error.start + 1}")
    except InputError as error:
        return Fault(number, str(error))
    if _after_space(text, end) < len(text):
        return Fault(number, f"text after the JSON value at column {end + 1}")
    return Document(value, number, len(line))


def _decode(text: str, at: int) -> tuple[Any, int]:
    """The object or array that begins at a place, and where it ends.

    Raises:
        InputError: There is none.
    """
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        raise InputError(_describe(error, text, at)) from None
    except RecursionError:
        raise InputError(_TOO_DEEP) from None
    except ValueError as error:
        raise InputError(str(error)) from None
    if not isinstance(value, dict | list):
        raise InputError(f"expected a JSON object or array, found {_kind(value)}")
    brackets = text.count("{", at, end) + text.count("[", at, end)
    if brackets > MAX_DEPTH and _is_deep(value):
        raise InputError(_TOO_DEEP)
    has_surrogate = "\\ud" in text[at:end] or "\\uD" in text[at:end]
    return (_without_surrogates(value) if has_surrogate else value), end


def _describe(error: json.JSONDecodeError, text: str, at: int) -> str:
    if _after_space(text, error.pos) == len(text):
        return _NO_END
    message = error.msg[:1].lower() + error.msg[1:]
    column = error.pos - text.rfind("\n", 0, error.pos)
    lines = text.count("\n", at, error.pos)
    below = f" {lines} lines below" if lines else ""
    return f"not JSON: {message} at column {column}{below}"


def _is_deep(value: Any) -> bool:
    """True if objects and arrays nest deeper than the limit; never recurses."""
    level = [value]
    for _ in range(MAX_DEPTH):
        groups = (node.values() if isinstance(node, dict) else node for node in level)
        parts = chain.from_iterable(groups)
        level = [part for part in parts if isinstance(part, dict | list)]
    return bool(level)


def _without_surrogates(value: Any) -> Any:
    """The value with U+FFFD for every half of a surrogate pair.

    An attacker who names a file so must not make its record unreadable.
    """
    text = json.dumps(value, ensure_ascii=False)
    clean = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(clean)


def _kind(value: Any) -> str:
    names = {str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise InputError(f"the number `{text[:40]}` is too large")
    return number


def _refuse_constant(name: str) -> Any:
    raise InputError(f"`{name}` is no JSON number")


def _integer(text: str) -> int:
    # Python refuses longer ones too, with a text that advises to change Python.
    if len(text) > _MAX_DIGITS:
        raise InputError(f"a number has more than {_MAX_DIGITS} digits")
    return int(text)


_DECODER = json.JSONDecoder(
    parse_float=_finite, parse_int=_integer, parse_constant=_refuse_constant
)
