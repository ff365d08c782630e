from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensoc_engine import ir
from opensoc_engine.interpreter import interpret

X = ir.Variable("x")
INPUT = ir.Input()


def evaluate(
    steps: tuple[ir.Step, ...],
    document: Any,
    value: ir.Expression,
    functions: tuple[ir.Function, ...] = (),
) -> list[Any]:
    """The value for each way through the steps."""
    body = ir.RuleBody(ir.Block(steps), (), value)
    module = ir.Module(functions, (ir.Rule("rule", (body,)),))
    return [found for _, found in interpret(module)["rule"](document, {})]


@pytest.mark.parametrize(
    ("kind", "collection", "pairs"),
    [
        ("array", ["b", "a"], [(0, "b"), (1, "a")]),
        ("set", frozenset({"b", "a"}), [("a", "a"), ("b", "b")]),
        ("object", {"b": 2, "a": 1}, [("a", 1), ("b", 2)]),
    ],
)
def test_elements_come_by_index_value_or_key(
    kind: ir.Kind, collection: Any, pairs: list[Any]
) -> None:
    step = ir.Each("k", "x", INPUT, kind)
    both = ir.Display("array", (ir.Variable("k"), X))

    assert evaluate((step,), collection, both) == pairs


def test_steps_go_on_once_for_each_way_in_order() -> None:
    steps = (
        ir.Each(None, "x", INPUT, "array"),
        ir.Each(None, "y", INPUT, "array"),
        ir.Test(ir.Operation("ne", (X, ir.Variable("y")))),
    )
    both = ir.Display("array", (X, ir.Variable("y")))

    assert evaluate(steps, [1, 2], both) == [(1, 2), (2, 1)]


def test_a_block_ends_where_a_value_is_missing() -> None:
    missing = ir.PartialOperation("field", (INPUT, ir.Constant("a")))

    assert evaluate((ir.Try("x", missing),), {}, X) == []
    assert evaluate((ir.Try("x", missing),), {"a": 1}, X) == [1]


def test_exclude_holds_if_there_is_no_way() -> None:
    some = ir.Block((ir.Each(None, "x", INPUT, "array"),))

    assert evaluate((ir.Exclude(some),), [], ir.Constant(1)) == [1]
    assert evaluate((ir.Exclude(some),), [0], ir.Constant(1)) == []


def test_for_all_holds_if_each_element_has_a_way() -> None:
    large = ir.Block((ir.Test(ir.Operation("gt", (X, ir.Constant(1)))),))
    step = ir.ForAll(None, "x", INPUT, "array", large)

    assert evaluate((step,), [], ir.Constant(1)) == [1]
    assert evaluate((step,), [2, 3], ir.Constant(1)) == [1]
    assert evaluate((step,), [2, 1], ir.Constant(1)) == []


def test_a_variable_of_a_loop_is_not_known_after_it() -> None:
    block = ir.Block((ir.Each(None, "x", INPUT, "array"),))
    collected = ir.Collect("array", block, None, X)

    with pytest.raises(KeyError):
        evaluate((ir.Bind("all", collected),), [1], X)


def test_a_comprehension_keeps_the_first_value_of_a_key() -> None:
    block = ir.Block((ir.Each("k", "x", INPUT, "array"),))
    collected = ir.Collect("object", block, X, ir.Variable("k"))

    assert evaluate((), ["a", "b", "a"], collected) == [{"a": 0, "b": 1}]


def test_a_default_stands_for_any_missing_step_of_a_path() -> None:
    path = (ir.Constant("a"), ir.Constant("b"))
    value = ir.Default(INPUT, path, ir.Constant(0))

    found = [evaluate((), d, value) for d in ({}, {"a": {}}, {"a": {"b": 5}})]

    assert found == [[0], [0], [5]]


def test_a_predicate_holds_if_any_of_its_bodies_does() -> None:
    bodies = tuple(
        ir.Block((ir.Test(ir.Operation("eq", (X, ir.Constant(n)))),)) for n in (1, 2)
    )
    function = ir.Function("f", "predicate", ("x",), bodies, (), partial=False)
    call = ir.HelperCall("f", (INPUT,))

    found = [evaluate((), n, call, (function,)) for n in (1, 2, 3)]

    assert found == [[True], [True], [False]]


def test_a_set_gathers_all_ways_of_all_bodies() -> None:
    bodies = tuple(
        ir.Block((ir.Each(None, "x", ir.Constant(values), "array"),))
        for values in ((1, 2), (2, 3))
    )
    function = ir.Function("f", "set", (), bodies, (X, X), partial=False)

    found = evaluate((), None, ir.HelperCall("f", ()), (function,))

    assert found == [frozenset({1, 2, 3})]


def test_a_value_is_missing_if_its_body_fails() -> None:
    body = ir.Block((ir.Test(ir.Operation("eq", (INPUT, ir.Constant(1)))),))
    function = ir.Function("f", "value", (), (body,), (ir.Constant(7),), partial=True)
    step = ir.Try("x", ir.PartialHelper("f", ()))

    assert evaluate((step,), 1, X, (function,)) == [7]
    assert evaluate((step,), 2, X, (function,)) == []


def test_evidence_names_each_id_once_in_order() -> None:
    evidence = (ir.Constant("b"), ir.Constant(("a", "b", "c")))
    body = ir.RuleBody(ir.Block(()), evidence, None)
    module = ir.Module((), (ir.Rule("rule", (body,)),))

    assert list(interpret(module)["rule"](None, {})) == [(("b", "a", "c"), None)]


@pytest.mark.parametrize(
    ("operator", "arguments", "value"),
    [
        ("same", ([1, [2]], (1, (2,))), True),
        ("differ", ([1], (1, 2)), True),
        ("in_values", (1, {"a": 1}), True),
        ("add_exact", (1, Decimal("0.1")), Decimal("1.1")),
        ("negate_exact", (Decimal("0.5"),), Decimal("-0.5")),
        ("except", (frozenset({1, 2}), frozenset({2})), frozenset({1})),
        ("lookup", ({"a": 1}, "a"), 1),
    ],
)
def test_an_operator_has_its_value(
    operator: ir.Operator, arguments: tuple[Any, ...], value: Any
) -> None:
    operation = ir.Operation(operator, tuple(map(ir.Constant, arguments)))

    assert evaluate((), None, operation) == [value]


@pytest.mark.parametrize(
    ("operator", "arguments", "value"),
    [
        ("item", ([5], 0), [5]),
        ("item", ([5], 1), []),
        ("item", ([5], -1), []),
        ("item", ([5], Decimal("0.5")), []),
        ("divide", (6, 3), [2]),
        ("divide", (1, 4), [Decimal("0.25")]),
        ("divide", (1, Decimal("-0.0")), []),
        ("modulo", (-7, 3), [-1]),
        ("modulo", (7, -3), [1]),
        ("modulo", (7, 0), []),
    ],
)
def test_a_partial_operator_has_a_value_or_ends_the_block(
    operator: ir.PartialOperator, arguments: tuple[Any, ...], value: list[Any]
) -> None:
    operation = ir.PartialOperation(operator, tuple(map(ir.Constant, arguments)))

    assert evaluate((ir.Try("x", operation),), None, X) == value
