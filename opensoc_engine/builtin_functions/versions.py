"""Builtins on version numbers, as Semantic Versioning 2.0.0 has them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

# Pre-releases come before the release, numbers before words.
Word: TypeAlias = tuple[int, int, str]
Version: TypeAlias = tuple[tuple[int, ...], bool, tuple[Word, ...]]

_CACHED = 1024
_LONGEST = 256
_LARGEST = 2**63 - 1
_NUMBER = "(?:0|[1-9][0-9]*)"
_WORD = "(?:[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_LABEL = f"(?:{_WORD}|{_NUMBER})"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_LABEL}(?:\.{_LABEL})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


def semver_compare(left: str, right: str) -> int | None:
    """The order of two semantic versions: -1 if the first is older, 0 or 1."""
    one, other = _read(left), _read(right)
    if one is None or other is None:
        return None
    return (one > other) - (one < other)


def semver_is_valid(text: str) -> bool:
    """True if the string is a semantic version such as `1.20.3-rc.1`."""
    return _read(text) is not None


def check_version(position: int, text: str) -> str | None:
    """What is wrong with a constant version."""
    del position
    if semver_is_valid(text):
        return None
    return f"`{text}` is not a semantic version such as `1.20.3`"


def _read(text: str) -> Version | None:
    return _version(text) if len(text) <= _LONGEST else None


@lru_cache(_CACHED)
def _version(text: str) -> Version | None:
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    release = tuple(map(int, found.groups()[:3]))
    words = tuple(map(_word, found[4].split("."))) if found[4] else ()
    numbers = (*release, *(number for _, number, _ in words))
    return None if max(numbers) > _LARGEST else (release, not words, words)


def _word(text: str) -> Word:
    return (0, int(text), "") if text.isdigit() else (1, 0, text)
