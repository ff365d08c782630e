"""Builtins on text. Lengths and places count characters; letters map one to one."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

# Longer than any text of an incident; what would grow beyond it is cut there.
MAX_LENGTH = 1_000_000
# More than any policy looks for in one text.
MAX_FOUND = 1_000

# What Go's `unicode.IsSpace` is true for; Python's `strip()` would take more.
_SPACES = (
    "\t\n\v\f\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
)

Texts: TypeAlias = "str | Iterable[str]"


def contains(haystack: str, needle: str) -> bool:
    """True if the second string is a part of the first."""
    return needle in haystack


def startswith(text: str, prefix: str) -> bool:
    """True if the string begins with the prefix."""
    return text.startswith(prefix)


def endswith(text: str, suffix: str) -> bool:
    """True if the string ends with the suffix."""
    return text.endswith(suffix)


def lower(text: str) -> str:
    """The string in small letters."""
    return text.lower() if text.isascii() else "".join(map(_lower_letter, text))


def upper(text: str) -> str:
    """The string in capital letters."""
    return text.upper() if text.isascii() else "".join(map(_upper_letter, text))


def _lower_letter(letter: str) -> str:
    """One letter for one, as Go has it; only the dotted capital I would give two."""
    return letter.lower()[0]


def _upper_letter(letter: str) -> str:
    """One letter for one: sharp s stays, as no single capital is its own."""
    for found in (letter.upper(), letter.title()):
        if len(found) == 1:
            return found
    return letter


def trim(text: str, cutset: str) -> str:
    """The string without those characters at both ends."""
    return text.strip(cutset)


def trim_left(text: str, cutset: str) -> str:
    """The string without those characters at its start."""
    return text.lstrip(cutset)


def trim_right(text: str, cutset: str) -> str:
    """The string without those characters at its end."""
    return text.rstrip(cutset)


def trim_prefix(text: str, prefix: str) -> str:
    """The string without the prefix, if it has it."""
    return text.removeprefix(prefix)


def trim_suffix(text: str, suffix: str) -> str:
    """The string without the suffix, if it has it."""
    return text.removesuffix(suffix)


def trim_space(text: str) -> str:
    """The string without white space at both ends."""
    return text.strip(_SPACES)


def split(text: str, delimiter: str) -> list[str]:
    """The parts between delimiters; an empty delimiter splits into characters."""
    return text.split(delimiter) if delimiter else list(text)


def concat(delimiter: str, parts: Iterable[str]) -> str:
    """The strings joined by the delimiter; sets in order."""
    ordered = in_order(parts)
    if sum(map(len, ordered)) + len(delimiter) * len(ordered) <= MAX_LENGTH:
        return delimiter.join(ordered)
    pieces: list[str] = []
    length = 0
    for part in ordered:
        pieces.append(part)
        length += len(delimiter) + len(part)
        if length > MAX_LENGTH:
            break
    return delimiter.join(pieces)[:MAX_LENGTH]


def in_order(texts: Iterable[str]) -> list[str]:
    """The elements of an array as they stand, those of a set by value."""
    return sorted(texts) if isinstance(texts, frozenset) else list(texts)


def replace(text: str, old: str, new: str) -> str:
    """The string with every occurrence of the second string replaced by the third."""
    enough = MAX_LENGTH // len(new) + 1 if new else -1
    return text.replace(old, new, enough)[:MAX_LENGTH]


def substring(text: str, offset: int, length: int) -> str | None:
    """The characters from an offset; all of them if the length is negative."""
    if offset < 0:
        return None
    return text[offset:] if length < 0 else text[offset : offset + length]


def indexof(haystack: str, needle: str) -> int | None:
    """The place of the second string in the first, or -1; undefined if it is empty."""
    return haystack.find(needle) if needle else None


def check_needle(position: int, text: str) -> str | None:
    """What is wrong with a constant argument of `indexof` or `indexof_n`."""
    if position == 1 and not text:
        return "it looks for at least one character"
    return None


def any_prefix_match(texts: Texts, prefixes: Texts) -> bool:
    """True if any of the strings begins with any of the prefixes."""
    prefixes = _all(prefixes)
    return any(text.startswith(prefixes) for text in _all(texts))


def any_suffix_match(texts: Texts, suffixes: Texts) -> bool:
    """True if any of the strings ends with any of the suffixes."""
    suffixes = _all(suffixes)
    return any(text.endswith(suffixes) for text in _all(texts))


def _all(texts: Texts) -> tuple[str, ...]:
    return (texts,) if isinstance(texts, str) else tuple(texts)


def reverse(text: str) -> str:
    """The string from its last character to its first."""
    return text[::-1]


def occurrences(text: str, part: str) -> int:
    """How often the second string occurs in the first, without overlaps."""
    return text.count(part)


def indexof_n(text: str, part: str) -> list[int] | None:
    """All places of the second string, overlaps too; the first 1,000 of them."""
    if not part:
        return None
    found: list[int] = []
    at = text.find(part)
    while at >= 0 and len(found) < MAX_FOUND:
        found.append(at)
        at = text.find(part, at + 1)
    return found
