from __future__ import annotations

from opensoc_engine import ir
from opensoc_engine.codegen.keys import Keys
from opensoc_engine.codegen.ordering import ordered

E = ir.Variable("e")


def equal(read: ir.Expression, text: str) -> ir.Test:
    """The line `read == "text"`."""
    return ir.Test(ir.Operation("eq", (read, ir.Constant(text))))


def has(read: ir.Expression, text: str) -> ir.Test:
    """The line `contains(read, "text")`."""
    return ir.Test(ir.BuiltinCall("contains", (read, ir.Constant(text))))


def found(name: str, field: str, base: ir.Expression = E) -> ir.Try:
    """The step that binds a field that may be missing."""
    return ir.Try(name, ir.PartialOperation("field", (base, ir.Constant(field))))


def test_what_most_tests_ask_comes_first() -> None:
    rare, common = has(ir.Member(E, "a"), "x"), has(ir.Member(E, "b"), "y")
    blocks = [ir.Block((rare, common)), ir.Block((common,)), ir.Block((common,))]

    assert ordered(blocks, Keys())[0] == ir.Block((common, rare))


def test_a_field_is_read_after_the_step_that_finds_it() -> None:
    read = has(ir.Member(E, "parent"), "x")
    blocks = [ir.Block((found("p", "parent"), read)), ir.Block((read,))]

    first = ordered(blocks, Keys())[0]

    assert first.steps == (found("p", "parent"), has(ir.Variable("p"), "x"))


def test_a_line_that_tells_the_kind_stays_before_what_it_allows() -> None:
    kind = equal(ir.Member(E, "kind"), "file")
    read = has(ir.Member(E, "path"), "x")
    blocks = [ir.Block((kind, read)), *[ir.Block((read,))] * 2]

    assert ordered(blocks, Keys())[0] == ir.Block((kind, read))


def test_a_helper_that_is_handed_the_value_waits_for_its_kind_too() -> None:
    kind = equal(ir.Member(ir.Member(E, "fields"), "kind"), "file")
    call = ir.Test(ir.HelperCall("0_p_0", (E,)))
    blocks = [ir.Block((kind, call)), *[ir.Block((call,))] * 2]

    assert ordered(blocks, Keys())[0] == ir.Block((kind, call))


def test_a_field_that_was_read_before_need_not_wait() -> None:
    path = ir.Member(E, "path")
    steps = (has(path, "x"), equal(ir.Member(E, "kind"), "file"), has(path, "y"))
    blocks = [ir.Block(steps), *[ir.Block((steps[2],))] * 2]

    assert ordered(blocks, Keys())[0].steps[0] == steps[2]


def test_values_stand_where_their_variables_stood() -> None:
    bind = ir.Bind("p", ir.Member(E, "path"))
    block = ir.Block((bind, has(ir.Variable("p"), "x")))

    assert ordered([block], Keys()) == [ir.Block((has(ir.Member(E, "path"), "x"),))]


def test_a_field_is_looked_for_once() -> None:
    steps = (found("p", "parent"), found("q", "parent"), has(ir.Variable("q"), "x"))

    (block,) = ordered([ir.Block(steps)], Keys())

    assert block.steps == (steps[0], has(ir.Variable("p"), "x"))
