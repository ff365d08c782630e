"""Formats and patterns of JSON Schemas, checked strictly and in linear time.

Formats are `ip-address`, `cidr` and `date-time`. Each check is total: any text is
either of the format or not.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

import re2

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Longer than any value of a format; bounds what the caches below can hold.
_LONGEST = 64
_CACHED = 4096

_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_SURROGATE = re.compile("[\ud800-\udfff]")


def is_text(value: Any) -> bool:
    """True for text that can be written as UTF-8: JSON can also smuggle in halves."""
    return isinstance(value, str) and (
        value.isascii() or _SURROGATE.search(value) is None
    )


def has_format(name: str, text: str) -> bool:
    """True if the text has the format, or the format is not one of ours."""
    check = FORMATS.get(name)
    return check is None or (len(text) <= _LONGEST and check(text))


def matches(pattern: str, text: str) -> bool:
    """True if the pattern is found in the text; `$` is the very end of the text.

    Raises:
        InputError: The pattern is not valid RE2.
    """
    return is_text(text) and _compiled(pattern).search(text) is not None


@cache
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        raise InputError(f"the schema's pattern `{pattern}` is not valid") from None


@lru_cache(_CACHED)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text


@lru_cache(_CACHED)
def _is_network(text: str) -> bool:
    _, slash, length = text.partition("/")
    if not slash or not (length.isascii() and length.isdecimal()) or "%" in text:
        return False
    try:
        ip_network(text)
    except ValueError:
        return False
    return True


@lru_cache(_CACHED)
def _is_timestamp(text: str) -> bool:
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return False
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - only checked
    except ValueError:
        return False
    return True


FORMATS: Mapping[str, Callable[[str], bool]] = {
    "ip-address": _is_address,
    "cidr": _is_network,
    "date-time": _is_timestamp,
}
