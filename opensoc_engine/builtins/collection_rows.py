"""Rows of builtins on arrays, sets and objects."""

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import collections
from opensoc_engine.builtins.rows import (
    ANY,
    BOOLEAN,
    INTEGER,
    KEY,
    ORDERED,
    SCALAR,
    TEXT,
    either,
    partial,
    row,
    total,
)

_EXTREMES = either(partial, ORDERED, ORDERED)
_KEYS = (
    total(t.Map(KEY, ANY), t.Array(TEXT), t.Map(KEY, ANY)),
    total(t.Map(KEY, ANY), t.Set(TEXT), t.Map(KEY, ANY)),
)
_PAIR_OF_MAPS = (t.Map(KEY, SCALAR), t.Map(KEY, SCALAR))

ROWS = (
    row(
        "count",
        collections.count,
        'count({"a", "b"})',
        "2",
        *either(total, ANY, INTEGER),
        total(t.Map(KEY, ANY), INTEGER),
        total(TEXT, INTEGER),
    ),
    row("max", collections.greatest, "max([3, 5, 4])", "5", *_EXTREMES),
    row("min", collections.least, 'min({"b", "a"})', '"a"', *_EXTREMES),
    row(
        "sort",
        collections.in_order,
        "sort([3, 1, 2])",
        "[1, 2, 3]",
        *either(total, ORDERED, t.Array(ORDERED)),
    ),
    row(
        "array.concat",
        collections.array_concat,
        "array.concat([1], [2, 3])",
        "[1, 2, 3]",
        total(t.Array(ANY), t.Array(ANY), t.Array(ANY)),
    ),
    row(
        "array.slice",
        collections.array_slice,
        "array.slice([1, 2, 3, 4], 1, 3)",
        "[2, 3]",
        total(t.Array(ANY), INTEGER, INTEGER, t.Array(ANY)),
    ),
    row(
        "array.reverse",
        collections.array_reverse,
        "array.reverse([1, 2, 3])",
        "[3, 2, 1]",
        total(t.Array(ANY), t.Array(ANY)),
    ),
    row(
        "object.keys",
        collections.object_keys,
        'object.keys({"a": 1, "b": 2})',
        '{"a", "b"}',
        total(t.Map(KEY, ANY), t.Set(KEY)),
    ),
    row(
        "object.remove",
        collections.object_remove,
        'object.keys(object.remove({"a": 1, "b": 2}, ["a"]))',
        '{"b"}',
        *_KEYS,
    ),
    row(
        "object.filter",
        collections.object_filter,
        'object.keys(object.filter({"a": 1, "b": 2}, {"a", "c"}))',
        '{"a"}',
        *_KEYS,
    ),
    row(
        "object.union",
        collections.object_union,
        'object.union({"a": 1, "b": 1}, {"b": 2}).b',
        "2",
        total(*_PAIR_OF_MAPS, t.Map(KEY, SCALAR)),
    ),
    row(
        "object.subset",
        collections.object_subset,
        'object.subset({"a", "b"}, {"b"})',
        "true",
        total(t.Set(SCALAR), t.Set(SCALAR), BOOLEAN),
        total(t.Array(SCALAR), t.Set(SCALAR), BOOLEAN),
        total(*_PAIR_OF_MAPS, BOOLEAN),
    ),
)
