"""How large values are: bounds on the elements of collections, level by level.

A size is a bound on the elements of a collection: `n` to the power of `items` for
arrays of identified items (events), `n` to the power of `parts` for all that grows with
the input, times a `factor` for constants. Loops inside one another multiply, so powers
add up. Text counts only where it is split.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

from opensoc_engine import types as t
from opensoc_engine.analysis.checker import identity_of

MAX_STEPS = 1_000_000
"""Expressions that are evaluated for an input whose collections have one element: loops
over constants and repeated calls count. They need 3,300."""


class Size(NamedTuple):
    """At most `n ** items` items, `n ** parts` values, `factor` times."""

    items: int = 0
    parts: int = 0
    factor: int = 1

    def times(self, other: Size) -> Size:
        """The size of a loop in a loop."""
        factor = min(self.factor * other.factor, MAX_STEPS + 1)
        return Size(self.items + other.items, self.parts + other.parts, factor)

    def or_more(self, other: Size) -> Size:
        """A bound on both."""
        return Size(*map(max, self, other))


ONE = Size()


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a value is.

    Attributes:
        size: Of the value itself.
        inner: The extent of its elements or fields; None if they are no larger.
        is_part: True for a part of the input, whose size follows from its type.
    """

    size: Size = ONE
    inner: Extent | None = None
    is_part: bool = False

    def element(self) -> Extent:
        """The extent of an element, or of a field."""
        return self.inner or self

    def of(self, kind: t.Type) -> Size:
        """The size of a value of that type."""
        return natural(kind) if self.is_part else self.size


SCALAR = Extent()
PART = Extent(is_part=True)


def natural(kind: t.Type) -> Size:
    """The size of a part of the input."""
    if isinstance(kind, t.Array):
        return Size(int(identity_of(kind) is not None), 1)
    if isinstance(kind, t.Object):
        return Size(factor=max(len(kind.fields), 1))
    return Size(0, int(isinstance(kind, t.Map | t.Set) or t.is_string(kind)))


def whole(extent: Extent) -> Size:
    """A bound on a value and all that is in it."""
    if extent.is_part:
        return Size(1, 1)
    inner = extent.inner
    return extent.size.or_more(whole(inner)) if inner else extent.size


def either(one: Extent, other: Extent) -> Extent:
    """A bound on both."""
    if one == other or whole(other) == ONE:
        return one
    if whole(one) == ONE:
        return other
    if one.is_part or other.is_part or not (one.inner and other.inner):
        return Extent(whole(one).or_more(whole(other)))
    return Extent(one.size.or_more(other.size), either(one.inner, other.inner))


def listed(value: Any) -> Extent:
    """The extent of a constant, level by level."""
    if not isinstance(value, dict | tuple | list):
        return SCALAR
    inner = map(listed, value.values() if isinstance(value, dict) else value)
    return Extent(Size(factor=max(len(value), 1)), reduce(either, inner, SCALAR))


def characters(extent: Extent, kind: t.Type) -> Size:
    """A bound on the text that a value holds."""
    size = extent.of(kind)
    if extent.is_part or not isinstance(kind, t.Array | t.Set):
        return size
    return size.times(characters(extent.element(), kind.element))
