"""All that generated code may use: exact numbers, order, and defaults for absence.

Numbers are finite and bounded: what would be larger stays at the largest. So no chain
of helpers can fill the memory, and no operator meets an infinity that it can't treat.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

Exact: TypeAlias = int | Decimal

# 34 digits are those of IEEE 754 decimal128. Never the context of the calling thread.
CONTEXT = decimal.Context(
    prec=34,
    rounding=decimal.ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[],
)
LARGEST = CONTEXT.next_minus(Decimal("Infinity"))
# Products of integers stop here: repeated squaring doubles their length each time.
LARGEST_PRODUCT = 2**4096
# These bound what a predicate of texts can hold on to.
_REMEMBERED = 8192
_SHORT = 128


def add(left: Exact, right: Exact) -> Exact:
    """The sum of numbers of which one may be a decimal."""
    return _finite(CONTEXT.add(left, right))


def subtract(left: Exact, right: Exact) -> Exact:
    """The difference of numbers of which one may be a decimal."""
    return _finite(CONTEXT.subtract(left, right))


def multiply(left: Exact, right: Exact) -> Exact:
    """The product of numbers of which one may be a decimal."""
    return _finite(CONTEXT.multiply(left, right))


def _finite(value: Decimal) -> Decimal:
    return value if value.is_finite() else LARGEST.copy_sign(value)


def times(left: int, right: int) -> int:
    """The product of integers."""
    found = left * right
    if -LARGEST_PRODUCT < found < LARGEST_PRODUCT:
        return found
    return LARGEST_PRODUCT if found > 0 else -LARGEST_PRODUCT


def negate(value: Exact) -> Exact:
    """The number with the other sign, without rounding."""
    return value.copy_negate() if isinstance(value, Decimal) else -value


def divide(left: Exact, right: Exact) -> Exact | None:
    """The quotient, an integer where it is one; None by zero."""
    if right == 0:
        return None
    if isinstance(left, int) and isinstance(right, int) and left % right == 0:
        return left // right
    return _finite(CONTEXT.divide(left, right))


def modulo(left: int, right: int) -> int | None:
    """The remainder with the sign of the dividend, as Rego has it; None by zero."""
    if right == 0:
        return None
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def item(array: list[Any] | tuple[Any, ...], index: Exact) -> Any:
    """The element at an index counted from 0; None if there is none."""
    if not 0 <= index < len(array) or index != int(index):
        return None
    return array[int(index)]


def same(left: Any, right: Any) -> bool:
    """True if two arrays or sets hold the same; arrays may be lists or tuples."""
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


def default_at(base: Mapping[str, Any], path: tuple[str, ...], default: Any) -> Any:
    """The value at a path of keys, or the default where any is missing."""
    found: Any = base
    for key in path:
        found = found.get(key)
        if found is None:
            return default
    return found


def attribute_at(base: Any, path: tuple[str, ...], default: Any) -> Any:
    """The value at a path of attributes, or the default where any is None."""
    found = base
    for name in path:
        found = getattr(found, name)
        if found is None:
            return default
    return found


def first_kept(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object of pairs; of two values for one key the first is kept."""
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def flat(*parts: str | Iterable[str]) -> tuple[str, ...]:
    """Evidence as one tuple of ids, in order and without repeats."""
    found: dict[str, None] = {}
    for part in parts:
        if isinstance(part, str):
            found[part] = None
        else:
            found.update(dict.fromkeys(part))
    return tuple(found)


def has(pairs: Sequence[tuple[int, Any]], bit: int, least: int) -> bool:
    """True if so many of the numbers that values stand after have a bit."""
    if len(pairs) < least:
        return False
    return sum([1 for bits, _ in pairs if bits & bit]) >= least


def gains(values: Iterable[Exact]) -> Exact:
    """The sum of the values that are positive, decimals rounded to 34 digits."""
    found: Exact = 0
    for value in values:
        if value > 0:
            whole = isinstance(found, int) and isinstance(value, int)
            found = found + value if whole else add(found, value)
    return found


def by_text(function: Callable[[Any, Any, str], bool]) -> Callable[..., bool]:
    """A predicate of a text alone, which remembers what it said of short ones."""
    known = lru_cache(_REMEMBERED)(partial(function, None, None))

    def said(document: Any, found: Any, text: str) -> bool:
        is_short = len(text) <= _SHORT
        return known(text) if is_short else function(document, found, text)

    return said


def exact(value: Any) -> Any:
    """A JSON value with its floats as the decimals that they are written as."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, dict):
        return {key: exact(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [exact(part) for part in value]
    return value


def twins(values: frozenset[Any]) -> list[tuple[Any, Any]]:
    """The elements of a set in order, each as its own key."""
    return [(value, value) for value in sorted(values)]
