from __future__ import annotations

from typing import Any

import pytest
from policy_modules import document, lowered, process, rule, solutions

from opensoc_engine import ir
from opensoc_engine.codegen.generated import ELEMENTS
from opensoc_engine.codegen.python import generate_set
from opensoc_engine.codegen.rewriting import reads_all

PROCESS = 'some e in input.events\ne.kind == "process"\n'


def network(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"n{number}",
        "kind": "network",
        "host": "WS-1",
        "size": number,
        "ip": "10.0.0.1",
        "port": number,
        **more,
    }


def plan_of(*bodies: str, **more: Any) -> Any:
    """What generated code says about when to ask the only rule."""
    return generate_set({"test": lowered(rule(*bodies, **more))}, "test").plan


def found_in(body: str, *events: dict[str, Any], **more: Any) -> list[tuple[str, ...]]:
    """The evidence of the only rule, on which both back ends agree."""
    texts = rule(body, evidence=("e",), **more)
    return [ids for ids, _ in solutions(texts, document(*events))]


def scanned(body: str, *events: dict[str, Any], **more: Any) -> list[list[Any]]:
    """The elements of the buckets of a document."""
    code = generate_set({"test": lowered(rule(body, **more))}, "test")
    found: dict[int, Any] = {}
    buckets = code.scan(document(*events), found)
    return [
        [event for bits, event in found[ELEMENTS] if bits >> bit & 1]
        for bit in range(buckets.bit_length())
    ]


def test_a_rule_is_not_asked_without_an_event_of_its_kind() -> None:
    body = f"{PROCESS}e.size > 1"

    assert scanned(body, network(1), network(2)) == []
    assert scanned(body, network(1), process(2)) == [[process(2)]]


def test_a_rule_that_counts_is_not_asked_for_fewer_events() -> None:
    body = f"{PROCESS}found := [f | some f in input.events; f.kind == `process`]\n"

    ((need,),) = plan_of(f"{body}count(found) >= 3\ne.size >= 0").needs

    assert max(least for _, least in need) == 3


def test_the_least_of_the_bodies_of_a_helper_counts() -> None:
    defines = {"many(events)": ("count(events) >= 5", "count(events) > 1\n1 < 2.5")}
    body = "found := [f | some f in input.events; f.kind == `process`]\nmany(found)"

    ((((_, least),),),) = plan_of(f"{PROCESS}{body}", defines=defines).needs

    assert least == 2


def test_a_rule_without_events_is_always_asked() -> None:
    assert plan_of("count(input.names) >= 0").needs == (((),),)


def test_a_rule_that_only_filters_fires_by_its_bucket_alone() -> None:
    sure, unsure = (
        plan_of(f"{PROCESS}e.size > 1"),
        plan_of(f"{PROCESS}some name in input.names\nname == e.host"),
    )

    assert len(sure.certain[0]) == 1
    assert unsure.certain == (frozenset(),)


def test_an_event_that_passes_in_two_ways_counts_once() -> None:
    defines = {"fits(e)": ("e.size > 0", "e.size < 9")}

    assert found_in(f"{PROCESS}fits(e)", process(1), defines=defines) == [("e1",)]
    assert scanned(f"{PROCESS}fits(e)", process(1), defines=defines) == [[process(1)]]


def test_kinds_of_a_helper_with_several_bodies_are_found() -> None:
    defines = {
        "fits(e)": (
            'e.kind == "process"\ne.signed',
            'e.kind == "network"\ne.port == 2',
        )
    }
    body = "some e in input.events\nfits(e)"
    events = (network(2), process(1), process(3, signed=True), network(1))

    assert found_in(body, *events, defines=defines) == [("n2",), ("e3",)]
    assert len(plan_of(body, defines=defines).needs[0]) == 1


def test_an_index_keeps_the_order_of_the_events() -> None:
    body = (
        f"{PROCESS}e.size == 1\n"
        'some f in input.events\nf.kind == "process"\nf.host == e.host\nf.id != e.id'
    )
    texts = rule(body, evidence=("f",))
    events = (process(3), process(1), process(2, host="x"), process(2))

    assert solutions(texts, document(*events)) == [(("e3",), None), (("e2",), None)]


def test_a_guard_stays_before_what_it_guards() -> None:
    defines = {"bad(e)": ("e.parent\nsome name in input.names\nname == e.parent.name",)}
    body = f"{PROCESS}bad(e)\ne.parent.name != `x`"
    events = (process(1), process(2, parent={"name": "a"}))
    texts = rule(body, evidence=("e",), defines=defines)

    assert solutions(texts, document(*events, names=["a"])) == [(("e2",), None)]


def test_rows_of_a_list_are_looked_up_by_any_field_that_a_helper_compares() -> None:
    rows = ({"image": "a", "least": 2}, {"image": "a", "least": 9})
    defines = {
        "named(e, row)": (
            "e.host == row.image",
            "e.parent\ne.parent.name == row.image",
        ),
        "listed(e)": ("some row in data.rows\nnamed(e, row)\ne.size >= row.least",),
    }
    events = (
        process(1, host="a"),
        process(2, host="a"),
        process(3, parent={"name": "a"}),
    )

    found = found_in(
        f"{PROCESS}listed(e)", *events, defines=defines, lists={"rows": rows}
    )

    assert found == [("e2",), ("e3",)]


@pytest.mark.parametrize("least", ["50", "50.5"])
def test_a_sum_that_no_part_of_the_events_reaches_is_not_worked_out(least: str) -> None:
    body = (
        f"{PROCESS}parts := [f | some f in input.events; f.kind == `process`;"
        f" f.host == e.host]\nsum([f.size | some f in parts]) >= {least}"
    )

    assert found_in(body, process(-30), process(49)) == []
    assert found_in(body, process(2), process(49)) == [("e2",), ("e49",)]


def test_values_of_two_types_are_not_one_value() -> None:
    lists = {"one": (True,), "other": (1,)}
    body = f"{PROCESS}e.signed in data.one\ne.size in data.other"

    assert found_in(body, process(1, signed=True), lists=lists) == [("e1",)]


def test_helpers_of_two_policies_that_say_the_same_are_one() -> None:
    defines = {"known(text)": ("some name in input.names\nname == text",)}
    module = lowered(rule('known("a")', defines=defines))
    both = {"a": module, "b": module}

    assert generate_set(both, "test").source.count("def f_") == 1


def test_a_document_that_is_only_read_by_its_fields_is_not_read_as_a_whole() -> None:
    by_field = lowered(rule("count(input.names) > 0"))
    whole = ir.Operation("eq", (ir.Input(), ir.Constant(1)))

    assert not reads_all(by_field.rules[0].bodies[0].block)
    assert reads_all(whole)
