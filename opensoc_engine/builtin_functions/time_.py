"""Builtins on times. An instant is a whole number of nanoseconds since 1970."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

_CACHED = 8192
_LONGEST = 64
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})"
    r"(?:\.([0-9]{1,9}))?(?:Z|([-+])([0-9]{2}):([0-9]{2}))"
)
_PLAIN = len("2026-01-31T08:00:00Z")
_EPOCH = date(1970, 1, 1).toordinal()
_NANOSECONDS = 1_000_000_000


def parse_rfc3339_ns(text: str) -> int | None:
    """The instant of an RFC 3339 time, in nanoseconds since 1970."""
    return _instant(text) if len(text) <= _LONGEST else None


def check_time(position: int, text: str) -> str | None:
    """What is wrong with a constant time."""
    if position == 0 and parse_rfc3339_ns(text) is None:
        return f"`{text}` is not an RFC 3339 time such as `2026-01-31T08:00:00Z`"
    return None


@lru_cache(_CACHED)
def _instant(text: str) -> int | None:
    plain = _plain(text)
    if plain is not None:
        return plain
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction, sign, *offset = found.groups()[6:]
    ahead, past = (int(part or 0) for part in offset)
    if max(hour, ahead) > 23 or max(minute, second, past) > 59:  # noqa: PLR2004
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    east = -60 * (60 * ahead + past) if sign == "-" else 60 * (60 * ahead + past)
    seconds = days * 86_400 + hour * 3600 + minute * 60 + second - east
    return seconds * _NANOSECONDS + int((fraction or "").ljust(9, "0"))


def _plain(text: str) -> int | None:
    """The instant of a time such as `2026-01-31T08:00:00Z`; None for any other form.

    Four times as fast as the pattern; nearly all times of logs have this form.
    """
    if len(text) != _PLAIN or not text.isascii():
        return None
    marks = text[10] + text[13] + text[16] + text[19]
    hour, minute, second = text[11:13], text[14:16], text[17:19]
    if marks != "T::Z" or not (hour + minute + second).isdigit():
        return None
    day = _day(text[:10])
    if day is None or hour > "23" or max(minute, second) > "59":
        return None
    seconds = int(hour) * 3600 + int(minute) * 60 + int(second)
    return day + seconds * _NANOSECONDS


@lru_cache(_CACHED)
def _day(text: str) -> int | None:
    """The instant at which a day such as `2026-01-31` begins in UTC."""
    return _instant(f"{text}T00:00:00+00:00")
