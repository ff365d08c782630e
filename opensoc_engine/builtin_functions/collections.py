"""Builtins on arrays, sets and objects. Arrays are lists or tuples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Array: TypeAlias = "Sequence[Any]"
Object: TypeAlias = "Mapping[str, Any]"

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


def object_keys(values: Object) -> frozenset[str]:
    """The keys of an object."""
    return frozenset(values)


def array_reverse(array: Array) -> list[Any]:
    """The elements from the last to the first."""
    return list(array[::-1])


def object_remove(values: Object, keys: Collection[str]) -> dict[str, Any]:
    """The object without some keys."""
    gone = frozenset(keys)
    return {key: value for key, value in values.items() if key not in gone}


def object_filter(values: Object, keys: Collection[str]) -> dict[str, Any]:
    """The object with no keys but some."""
    kept = frozenset(keys)
    return {key: value for key, value in values.items() if key in kept}


def object_union(left: Object, right: Object) -> dict[str, Any]:
    """All keys of both objects; for a key of both, the value of the second."""
    return {**left, **right}


def object_subset(whole: Collection[Any], part: Collection[Any]) -> bool:
    """True if the first set, array or object has all that the second one has."""
    if isinstance(whole, Mapping) and isinstance(part, Mapping):
        return all(key in whole and whole[key] == part[key] for key in part)
    return frozenset(whole) >= frozenset(part)
