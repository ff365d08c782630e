"""Builtins that match patterns in linear time: RE2, and globs that become RE2."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import re2

from opensoc_engine.builtin_functions.strings import MAX_LENGTH

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PATTERN = 10_000
# What means something in a glob.
_META = frozenset("*?\\[]{}")
MAX_GLOB = 1_000
MAX_DELIMITERS = 16
# These bound what patterns that an input chooses can hold on to.
_CACHED = 1024
_REMEMBERED, _SHORT = 8192, 256
_MEMORY = 1 << 21


class PatternError(ValueError):
    """A pattern that can't be read; the text says why."""


def regex_match(pattern: str, text: str) -> bool | None:
    """True if the RE2 pattern is found anywhere in the string."""
    if len(pattern) + len(text) <= _SHORT:
        return _known_match(pattern, text)
    return _match(pattern, text)


def _match(pattern: str, text: str) -> bool | None:
    compiled = _regex(pattern) if len(pattern) <= MAX_PATTERN else None
    return None if compiled is None else _search(compiled, text)


# The same names, addresses and paths stand in one document after the other.
_known_match = lru_cache(_REMEMBERED)(_match)


def glob_match(pattern: str, delimiters: Sequence[str], text: str) -> bool | None:
    """True if the glob matches the whole string; `*` stops at delimiters, or at `.`."""
    different = tuple(dict.fromkeys(delimiters)) or (".",)
    if len(pattern) > MAX_GLOB or len(different) > MAX_DELIMITERS:
        return None
    compiled = _glob(pattern, different)
    return None if compiled is None else _search(compiled, text)


def regex_is_valid(pattern: str) -> bool:
    """True if the string is an RE2 pattern."""
    return len(pattern) <= MAX_PATTERN and _regex(pattern) is not None


def glob_quote_meta(text: str) -> str:
    """The glob that matches the string and nothing else."""
    return "".join(f"\\{c}" if c in _META else c for c in text)[:MAX_LENGTH]


def _search(compiled: Any, text: str) -> bool:
    return compiled.search(text.encode("utf-8", "surrogatepass")) is not None


def check_regex(position: int, text: str) -> str | None:
    """What is wrong with a constant pattern in the first place."""
    return _regex_problem(text) if position == 0 else None


def check_second_regex(position: int, text: str) -> str | None:
    """What is wrong with a constant pattern in the second place."""
    return _regex_problem(text) if position == 1 else None


def _regex_problem(text: str) -> str | None:
    try:
        compile_regex(text)
    except PatternError as error:
        return f"the pattern is not valid: {error}"
    return None


def check_glob(position: int, text: str) -> str | None:
    """What is wrong with a constant pattern of `glob.match`, or unsure of a delimiter.

    The pattern is compiled with the delimiter `.`; with others it may be too large.
    """
    if position == 1 and text != ".":
        return "a pattern may be too large with these delimiters"
    if position == 0:
        try:
            compile_regex(translate_glob(text, (".",)))
        except PatternError as error:
            return f"the glob is not valid: {error}"
    return None


@lru_cache(_CACHED)
def _regex(pattern: str) -> Any | None:
    try:
        return compile_regex(pattern)
    except PatternError:
        return None


@lru_cache(_CACHED)
def _glob(pattern: str, delimiters: tuple[str, ...]) -> Any | None:
    if any(len(delimiter) != 1 for delimiter in delimiters):
        return None
    try:
        return compile_regex(translate_glob(pattern, delimiters))
    except PatternError:
        return None


def compile_regex(pattern: str, *, capture: bool = False) -> Any:
    """The compiled pattern, for UTF-8 bytes; groups are kept if asked for.

    Raises:
        PatternError: RE2 does not know the pattern, or it is too large.
    """
    if len(pattern) > MAX_PATTERN:
        raise PatternError(f"it has more than {MAX_PATTERN:,} characters")
    options = re2.Options()
    options.log_errors = False
    options.never_capture = not capture
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern.encode(), options)
    except UnicodeEncodeError:
        raise PatternError("it holds half a surrogate pair") from None
    except re2.error as error:
        raise PatternError(_reason(error)) from None


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else b""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def translate_glob(pattern: str, delimiters: tuple[str, ...]) -> str:
    r"""The RE2 pattern of a glob, anchored at both ends.

    `*` and `?` match no delimiter, `**` matches anything, `[a-z]`, `[abc]` and `[!abc]`
    one character, `{a,b}` either, and `\` takes the next character as it is.

    Raises:
        PatternError: It is too long, or has an open bracket or a bad range.
    """
    if len(pattern) > MAX_GLOB:
        raise PatternError(f"it has more than {MAX_GLOB:,} characters")
    one = f"[^{''.join(map(_literal, delimiters))}]"
    parts, rest, depth = [r"(?s)\A"], pattern, 0
    while rest:
        shown, length, opened = _term(rest, one, depth)
        parts.append(shown)
        rest, depth = rest[length:], depth + opened
    if depth:
        raise PatternError("a `{` is not closed")
    return "".join(parts) + r"\z"


def _term(rest: str, one: str, depth: int) -> tuple[str, int, int]:
    """What a glob begins with as RE2, how long it is, and the braces that it opens."""
    match rest[0]:
        case "*" if rest.startswith("**"):
            return ".*", 2, 0
        case "*":
            return f"{one}*", 1, 0
        case "?":
            return one, 1, 0
        case "[":
            shown, length = _class(rest[1:])
            return shown, length + 1, 0
        case "{":
            return "(?:", 1, 1
        case "}" if depth:
            return ")", 1, -1
        case "," if depth:
            return "|", 1, 0
        case "\\" if len(rest) == 1:
            raise PatternError("it ends in a backslash")
        case "\\":
            return _literal(rest[1]), 2, 0
    return _literal(rest[0]), 1, 0


def _class(rest: str) -> tuple[str, int]:
    """A class of characters after its bracket, as RE2, and how long it was."""
    inner = rest.removeprefix("!")
    sign = "^" if inner != rest else ""
    skipped = len(rest) - len(inner)
    if inner[1:2] == "-":
        low, high = inner[0], inner[2:3]
        if inner[3:4] != "]" or high < low:
            raise PatternError("a range is one character, `-`, a later one and `]`")
        shown = f"[{sign}{_literal(low)}-{_literal(high)}]"
        return shown, skipped + len("a-z]")
    characters, length = _listed(inner)
    return f"[{sign}{''.join(map(_literal, characters))}]", skipped + length


def _listed(inner: str) -> tuple[list[str], int]:
    """The characters up to the closing bracket, and how long that was."""
    characters, at = [], 0
    while at < len(inner) and inner[at] != "]":
        at += inner[at] == "\\"
        characters.append(inner[at : at + 1])
        at += 1
    if at >= len(inner) or not characters:
        raise PatternError("a `[` is empty or is not closed")
    return characters, at + 1


def _literal(character: str) -> str:
    """One character, inside or outside of a class."""
    return f"\\x{{{ord(character):x}}}"
