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
_DAY = 86_400
# The calendar repeats itself.
_CYCLE_YEARS, _CYCLE_DAYS = 400, 146_097
WEEKDAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)

_DURATION = re.compile(r"([0-9]*)(?:\.([0-9]*))?([a-zµμ]+)")
_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": _NANOSECONDS,
    "m": 60 * _NANOSECONDS,
    "h": 3600 * _NANOSECONDS,
    "d": _DAY * _NANOSECONDS,
    "w": 7 * _DAY * _NANOSECONDS,
    "y": 365 * _DAY * _NANOSECONDS,
}
_LONGEST_DURATION = 2**63 - 1


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


def weekday(instant: int) -> str:
    """The name of the day of an instant in UTC."""
    days = instant // (_DAY * _NANOSECONDS)
    return WEEKDAYS[(days + 3) % len(WEEKDAYS)]


def clock(instant: int) -> list[int]:
    """Hour, minute and second of an instant in UTC."""
    seconds = instant // _NANOSECONDS % _DAY
    return [seconds // 3600, seconds // 60 % 60, seconds % 60]


def calendar_date(instant: int) -> list[int]:
    """Year, month and day of an instant in UTC."""
    days = instant // (_DAY * _NANOSECONDS) + _EPOCH - 1
    cycles, rest = divmod(days, _CYCLE_DAYS)
    day = date.fromordinal(rest + 1)
    return [day.year + cycles * _CYCLE_YEARS, day.month, day.day]


def parse_duration_ns(text: str) -> int | None:
    """The nanoseconds of a duration such as `1h30m`; days, weeks and years too."""
    plain = text[1:] if text[:1] in ("+", "-") else text
    if plain == "0":
        return 0
    total = _duration(plain) if len(text) <= _LONGEST else None
    if total is None or total > _LONGEST_DURATION:
        return None
    return -total if text.startswith("-") else total


def check_duration(position: int, text: str) -> str | None:
    """What is wrong with a constant duration."""
    if position == 0 and parse_duration_ns(text) is None:
        return f"`{text}` is not a duration such as `90s`, `1h30m` or `7d`"
    return None


def _duration(text: str) -> int | None:
    """The sum of numbers with units, each without its fraction of a nanosecond."""
    total = at = 0
    while at < len(text) or not at:
        found = _DURATION.match(text, at)
        if found is None or not (found[1] or found[2]):
            return None
        unit = _UNITS.get(found[3])
        if unit is None:
            return None
        fraction = found[2] or ""
        total += int(found[1] or 0) * unit
        total += int(fraction or 0) * unit // 10 ** len(fraction)
        at = found.end()
    return total
