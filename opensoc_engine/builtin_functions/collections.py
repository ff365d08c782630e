"""Builtins on arrays, sets and objects. Arrays are lists or tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

Array: TypeAlias = "Sequence[Any]"

# More than any policy gathers; a longer array is cut there.
MAX_ITEMS = 100_000


def count(values: Collection[Any]) -> int:
    """The number of elements, of keys, or of characters of a string."""
    return len(values)


def greatest(values: Collection[Any]) -> Any:
    """The greatest element; undefined if there is none."""
    return max(values, default=None)


def least(values: Collection[Any]) -> Any:
    """The least element; undefined if there is none."""
    return min(values, default=None)


def in_order(values: Collection[Any]) -> list[Any]:
    """The elements as an array, the least first."""
    return sorted(values)


def array_concat(left: Array, right: Array) -> list[Any]:
    """The elements of the first array, then those of the second."""
    return [*left, *right][:MAX_ITEMS]


def array_slice(array: Array, start: int, stop: int) -> list[Any]:
    """The elements from one index up to, not including, another."""
    return list(array[max(start, 0) : max(stop, 0)])


def object_keys(values: Mapping[str, Any]) -> frozenset[str]:
    """The keys of an object."""
    return frozenset(values)
