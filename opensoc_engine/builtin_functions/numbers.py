"""Builtins on numbers: integers and decimals, exact, and never without bound."""

from __future__ import annotations

import decimal
import math
from typing import TYPE_CHECKING

from opensoc_engine import runtime

if TYPE_CHECKING:
    from collections.abc import Collection

    from opensoc_engine.runtime import Exact

# More than any policy counts to.
MAX_RANGE = 10_000
# Integers of more bits are not shifted.
_MAX_BITS = 4096


def total(values: Collection[Exact]) -> Exact:
    """The sum of the numbers; 0 if there are none."""
    found: Exact = 0
    for value in _in_order(values):
        whole = isinstance(found, int) and isinstance(value, int)
        found = found + value if whole else runtime.add(found, value)
    return found


def product(values: Collection[Exact]) -> Exact:
    """The product of the numbers; 1 if there are none."""
    found: Exact = 1
    for value in _in_order(values):
        if isinstance(found, int) and isinstance(value, int):
            found = runtime.times(found, value)
        else:
            found = runtime.multiply(found, value)
    return found


def _in_order(values: Collection[Exact]) -> Collection[Exact]:
    """Sets by value: where sums are rounded, the order must not be the hash's."""
    return sorted(values) if isinstance(values, frozenset) else values


def magnitude(value: Exact) -> Exact:
    """The number without its sign."""
    return runtime.negate(value) if value < 0 else value


def round_half_up(value: Exact) -> int:
    """The nearest integer; a half is rounded away from zero."""
    if isinstance(value, int):
        return value
    return int(value.to_integral_value(decimal.ROUND_HALF_UP, runtime.CONTEXT))


def ceiling(value: Exact) -> int:
    """The least integer that is not less than the number."""
    return math.ceil(value)


def floor(value: Exact) -> int:
    """The greatest integer that is not more than the number."""
    return math.floor(value)


def number_range(first: int, last: int) -> list[int] | None:
    """The integers from the first to the last, up or down; at most 10,000 of them."""
    step = 1 if first <= last else -1
    if abs(last - first) >= MAX_RANGE:
        return None
    return list(range(first, last + step, step))


def range_step(first: int, last: int, step: int) -> list[int] | None:
    """The integers from the first to the last in steps; at most 10,000 of them."""
    if step <= 0 or abs(last - first) // step >= MAX_RANGE:
        return None
    found = range(first, last + 1, step)
    return list(found if first <= last else range(first, last - 1, -step))


def bits_and(left: int, right: int) -> int:
    """The bits that both integers have."""
    return left & right


def bits_or(left: int, right: int) -> int:
    """The bits that one of the integers has, or both."""
    return left | right


def bits_xor(left: int, right: int) -> int:
    """The bits that one of the integers has, but not both."""
    return left ^ right


def shift_left(value: int, count: int) -> int | None:
    """The bits moved up; undefined for a negative count, and beyond 4,096 bits."""
    if count < 0 or value.bit_length() + count > _MAX_BITS:
        return None
    return value << count


def shift_right(value: int, count: int) -> int | None:
    """The bits moved down; undefined for a negative count."""
    return None if count < 0 else value >> min(count, value.bit_length())
