"""Random trees of the policy language, as the parser can build them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.complaints import MAX_DIGITS
from opensoc_engine.source import Source, Span

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

NOWHERE = Span(Source("tree", ""), 0, 0)
LARGEST = 10**MAX_DIGITS - 1
OPERATORS = ("==", "!=", "<", "<=", ">", ">=", "in", *"|&+-*/%")

identifiers = st.sampled_from(
    ("input", "data", "e", "xs", "contains", "some_name", "and", "X1", "_x")
)
texts = st.text(max_size=8)
names = st.builds(n.Name, identifiers, st.just(NOWHERE))
# As they are printed: in full, and without zeros at the end.
fractions = (
    st.decimals(0, 10**6, places=4)
    .map(Decimal.normalize)
    .filter(lambda d: "." in str(d) and "E" not in str(d))
)
numbers = st.builds(n.Literal, st.integers(0, LARGEST) | fractions, st.just(NOWHERE))
literals = numbers | st.builds(
    n.Literal, st.booleans() | texts | st.just(r"C:\a\b"), st.just(NOWHERE)
)
leaves = (
    names
    | literals
    | st.builds(n.Negative, numbers, st.just(NOWHERE))
    | st.just(n.SetLiteral((), NOWHERE))
)


def is_text(node: n.Expression) -> bool:
    return isinstance(node, n.Literal) and isinstance(node.value, str)


def bodies(inner: SearchStrategy[Any]) -> SearchStrategy[n.Body]:
    keys = st.none() | names
    lines = (
        st.builds(n.Some, keys, names, inner, st.just(NOWHERE))
        | st.builds(n.Not, inner, st.just(NOWHERE))
        | st.builds(n.Assign, names, inner, st.just(NOWHERE))
        | st.builds(n.Condition, inner, st.just(NOWHERE))
    )
    flat = st.builds(
        n.Body,
        st.lists(lines, min_size=1, max_size=3).map(tuple),
        st.just(NOWHERE),
    )
    loops = st.builds(n.Every, keys, names, inner, flat, st.just(NOWHERE))
    return st.builds(
        n.Body,
        st.lists(lines | loops, min_size=1, max_size=3).map(tuple),
        st.just(NOWHERE),
    )


def larger(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Every node that has parts."""
    place = st.just(NOWHERE)
    few = st.lists(inner, max_size=3).map(tuple)
    pairs = st.lists(st.tuples(inner, inner), max_size=2).map(tuple)
    body = bodies(inner)
    callees = identifiers | st.just("net.cidr_contains")
    return st.one_of(
        st.builds(n.Field, inner, identifiers | texts, place, place),
        st.builds(n.Index, inner, inner.filter(lambda x: not is_text(x)), place),
        st.builds(n.Call, callees, few, place, place),
        st.builds(n.Binary, st.sampled_from(OPERATORS), inner, inner, place, place),
        st.builds(n.ArrayLiteral, few, place),
        st.builds(n.SetLiteral, few, place),
        st.builds(n.ObjectLiteral, pairs, place),
        st.builds(n.ArrayComprehension, inner, body, place),
        st.builds(n.SetComprehension, inner, body, place),
        st.builds(n.ObjectComprehension, inner, inner, body, place),
    )


expressions = st.recursive(leaves, larger, max_leaves=12)
heads = st.builds(
    n.Head,
    names,
    st.none(),
    st.none(),
    expressions,
    st.just(NOWHERE),
) | st.builds(
    n.Head,
    names,
    st.none() | st.lists(names, min_size=1, max_size=3).map(tuple),
    expressions,
    st.none(),
    st.just(NOWHERE),
)
