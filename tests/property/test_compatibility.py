"""The plain Rego that stands in for what other engines lack says what OPA says."""

from __future__ import annotations

import math
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from outside_engines import COMPATIBILITY, ENGINES

from opensoc_engine import runtime
from opensoc_engine.builtin_functions.networks import cidr_contains, cidr_intersects
from opensoc_engine.builtin_functions.time_ import parse_rfc3339_ns, weekday

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

    from outside_engines import Engine

    Address = IPv4Address | IPv6Address

CALLS = {
    "network": "compat_cidr_contains(input.a, input.b)",
    "meeting": "compat_cidr_intersects(input.a, input.b)",
    "weekday": "compat_weekday(input.a)",
    "instant": "compat_instant(input.a)",
    "quotient": "compat_quotient(input.a, input.b)",
    "remainder": "compat_remainder(input.a, input.b)",
    "floor": "compat_floor(input.a)",
    "least": "compat_min(input.a)",
    "greatest": "compat_max(input.a)",
    "sorted": "compat_sort(input.a)",
    "pairs": "compat_pairs(input.a)",
    "joined": 'compat_concat("-", {x | some x in input.a})',
}
MODULE = "package t\n\nimport rego.v1\n\n" + "".join(
    f"asked_{name} := x if {{\n\tx := {call}\n}}\n\n" for name, call in CALLS.items()
)

engines = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
brief = settings(max_examples=60, deadline=None, database=None)
addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
# What opa-eval can hold.
BIG = 2**63 - 1
integers = st.lists(st.integers(-300, 300), max_size=8)


@cache
def started(engine: type[Engine]) -> Engine:
    return engine(MODULE + COMPATIBILITY, {}, Path(mkdtemp()))


def ask(engine: type[Engine], name: str, a: Any, b: Any = None) -> Any:
    return started(engine).ask(f"t.asked_{name}", {"a": a, "b": b})


@engines
@brief
@given(addresses, st.integers(0, 32), addresses, st.booleans())
def test_networks_hold_what_ours_hold(
    engine: type[Engine], base: Address, share: int, other: Address, near: bool
) -> None:
    length = share * (base.max_prefixlen // 32)
    network = str(ip_network(f"{base}/{length}", strict=False))
    inside = str(base if near else other)

    assert ask(engine, "network", network, inside) is cidr_contains(network, inside)


@engines
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        ("10.0.0.0/8", "10.2.0.0/16"),
        ("10.2.0.0/16", "10.0.0.0/8"),
        ("10.1.2.3/8", "10.9.9.9"),
        ("2001:db8::/33", "2001:db8:8000::1"),
        ("2001:db8::/32", "2001:db8:8000::/33"),
        ("::/96", "::10.1.1.1"),
        ("::ffff:0:0/96", "10.1.1.1"),
        ("::ffff:10.0.0.0/104", "10.1.1.1"),
        ("::ffff:10.0.0.0/104", "11.1.1.1"),
        ("10.0.0.0/8", "::ffff:a01:203"),
    ],
)
def test_networks_and_mapped_addresses_are_held_as_ours(
    engine: type[Engine], outer: str, inner: str
) -> None:
    assert ask(engine, "network", outer, inner) is cidr_contains(outer, inner)
    if "/" in inner:
        assert ask(engine, "meeting", outer, inner) is cidr_intersects(outer, inner)


@engines
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-31T08:00:00Z",
        "2026-01-31T08:00:00.123456789+02:00",
        "1969-12-31T23:59:59.5Z",
        "2026-01-31T08:00:00-11:30",
    ],
)
def test_instants_are_ours(engine: type[Engine], text: str) -> None:
    assert ask(engine, "instant", text) == parse_rfc3339_ns(text)


@engines
@brief
@given(st.integers(-(10**6), 10**6).map(lambda hours: hours * 3_600_000_000_000))
def test_days_of_the_week_are_ours(engine: type[Engine], instant: int) -> None:
    assert ask(engine, "weekday", instant) == weekday(instant)


@engines
@brief
@given(st.integers(-5000, 5000), st.integers(-12, 12))
@example(30, 3)  # rego-cpp's own `%` says 1
def test_division_is_undefined_by_zero_and_else_ours(
    engine: type[Engine], left: int, right: int
) -> None:
    quotient, remainder = runtime.divide(left, right), runtime.modulo(left, right)
    found = ask(engine, "quotient", left, right)

    assert ask(engine, "remainder", left, right) == remainder
    assert (found is None) == (quotient is None)
    assert quotient is None or math.isclose(found, quotient)


@engines
@brief
@given(st.integers(-400, 400).map(lambda quarters: quarters / 4))
def test_floor_rounds_down(engine: type[Engine], number: float) -> None:
    assert ask(engine, "floor", number) == math.floor(number)


@engines
@brief
@given(integers)
def test_order_is_that_of_numbers(engine: type[Engine], numbers: list[int]) -> None:
    assert ask(engine, "sorted", numbers) == sorted(numbers)
    assert ask(engine, "least", numbers) == min(numbers, default=None)
    assert ask(engine, "greatest", numbers) == max(numbers, default=None)


@engines
@brief
@given(st.lists(st.text("abAB-", max_size=3), max_size=4))
def test_sets_are_joined_in_order(engine: type[Engine], texts: list[str]) -> None:
    assert ask(engine, "joined", texts) == "-".join(sorted(set(texts)))


@engines
@brief
@given(
    integers
    | st.dictionaries(st.text("abc", max_size=3), st.integers(-BIG, BIG), max_size=4)
)
def test_pairs_are_keys_and_values_in_order(engine: type[Engine], value: Any) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value)

    assert ask(engine, "pairs", value) == [list(pair) for pair in sorted(items)]
