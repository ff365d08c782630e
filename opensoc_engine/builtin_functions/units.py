"""Builtins that read amounts with units."""

from __future__ import annotations

import re
from decimal import Decimal

from opensoc_engine import runtime

_LONGEST = 64
_LARGEST_EXPONENT = 308
_AMOUNT = re.compile(r"([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e([-+]?[0-9]+))?)([a-z]*)")
_PREFIXES = "kmgtpe"
_SIZES = {
    "": 1,
    **{f"{p}{b}": 1000**n for n, p in enumerate(_PREFIXES, 1) for b in ("", "b")},
    **{f"{p}i{b}": 1024**n for n, p in enumerate(_PREFIXES, 1) for b in ("", "b")},
}


def parse_bytes(text: str) -> int | None:
    """The bytes of a size: `10KB` has 10,000, `10KiB` has 10,240."""
    found = _AMOUNT.fullmatch(text.lower()) if len(text) <= _LONGEST else None
    unit = _SIZES.get(found[3]) if found else None
    if found is None or unit is None or abs(int(found[2] or 0)) > _LARGEST_EXPONENT:
        return None
    return int(runtime.CONTEXT.multiply(Decimal(found[1]), unit))


def check_size(position: int, text: str) -> str | None:
    """What is wrong with a constant size."""
    if position == 0 and parse_bytes(text) is None:
        return f"`{text}` is not a size such as `10KB` or `1.5GiB`"
    return None
