from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opensoc_engine import types as t
from opensoc_engine.builtins import BUILTINS, Builtin, Signature, resolve

CALLS = [
    pytest.param(row, signature, id=f"{row.name}-{at}")
    for row in BUILTINS.values()
    for at, signature in enumerate(row.signatures)
]
# Half a surrogate pair can't come from a valid document, and must not raise either.
CHARACTERS = st.characters() | st.sampled_from("\ud800aB.*[]{}()\\%sdv-:/0129")
TEXTS = st.text(CHARACTERS, max_size=12) | st.sampled_from(
    ("%s", "a", "10.0.0.0/8", "::1", "2026-01-31T08:00:00Z", "YQ==", "1e5", "-7")
)
INTEGERS = st.integers(-20, 20) | st.integers(-(10**40), 10**40)
DECIMALS = st.decimals(
    allow_nan=False, allow_infinity=False, places=3
) | st.sampled_from(
    (Decimal("9E+6144"), Decimal("-1E-6143"), Decimal("0.5"), Decimal("-0.0"))
)
SIMPLE: dict[type, st.SearchStrategy[Any]] = {
    t.Boolean: st.booleans(),
    t.Text: TEXTS,
    t.Timestamp: st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    t.Address: st.ip_addresses().map(str) | TEXTS,
    t.Network: st.sampled_from(("10.0.0.0/8", "::/0", "2001:db8::/32")) | TEXTS,
    t.Variable: TEXTS,
}


def values(kind: t.Type) -> st.SearchStrategy[Any]:
    match kind:
        case t.Number(integer):
            return INTEGERS if integer else INTEGERS | DECIMALS
        case t.Array(element):
            return st.lists(values(element), max_size=4).flatmap(
                lambda found: st.sampled_from((found, tuple(found)))
            )
        case t.Set(element):
            return st.frozensets(values(element), max_size=4)
        case t.Map(_, value):
            return st.dictionaries(TEXTS, values(value), max_size=4)
    return SIMPLE[type(kind)]


def fits(value: Any, kind: t.Type) -> bool:
    match kind:
        case t.Number(integer):
            whole = isinstance(value, int) and not isinstance(value, bool)
            finite = isinstance(value, Decimal) and value.is_finite()
            return whole or (finite and not integer)
        case t.Array(element):
            items = isinstance(value, list | tuple)
            return items and all(fits(item, element) for item in value)
        case t.Set(element):
            items = isinstance(value, frozenset)
            return items and all(fits(item, element) for item in value)
        case t.Map(_, inner):
            items = isinstance(value, dict)
            return items and all(fits(item, inner) for item in value.values())
        case t.Boolean():
            return isinstance(value, bool)
        case t.Enum(words):
            return value in words
    return isinstance(value, str)


@pytest.mark.parametrize(("row", "signature"), CALLS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_builtin_has_a_value_of_its_type_for_all_arguments_of_its_types(
    row: Builtin, signature: Signature, data: st.DataObject
) -> None:
    arguments = [data.draw(values(kind)) for kind in signature.parameters]

    found = row.implementation(*arguments)

    assert fits(found, signature.result) or (found is None and signature.partial)


@pytest.mark.parametrize("row", [r for r in BUILTINS.values() if r.settled_by])
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_constants_that_settle_a_builtin_give_a_value_for_all_other_arguments(
    row: Builtin, data: st.DataObject
) -> None:
    (signature, *_) = (s for s in row.signatures if s.partial)
    arguments = [data.draw(values(kind)) for kind in signature.parameters]
    kinds = tuple(map(constant_type, arguments))
    known = resolve(row, kinds)

    assert known is not None
    assert known[0].partial or row.implementation(*arguments) is not None


def constant_type(value: Any) -> t.Type:
    """The type that the checker gives to a constant."""
    if isinstance(value, int):
        return t.Number(integer=True)
    if isinstance(value, str):
        return t.Enum((value,))
    return t.Array(t.Enum(tuple(value))) if value else t.Array(t.Never())
