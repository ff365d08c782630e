from __future__ import annotations

from decimal import Decimal

import pytest
from policy_modules import (
    Texts,
    attempt,
    document,
    fires,
    lowered,
    process,
    rule,
    run,
    solutions,
)

from opensoc_engine import ir
from opensoc_engine.codegen.python import generate
from opensoc_engine.interpreter import interpret
from opensoc_engine.rego.complaints import MAX_HEIGHT

EVENTS = document(process(1), process(2), names=["a", "b"])
# More than the blocks that Python nests, and about as many as a body has room for.
MANY_LOOPS = 500


def test_a_variable_may_be_called_like_a_keyword_of_python() -> None:
    body = (
        "some class in input.events\nfor := class.size\nlambda := for + 1\nlambda > 2"
    )

    assert solutions(rule(body, evidence=("class",)), EVENTS) == [(("e2",), None)]


@pytest.mark.parametrize(
    "name",
    [
        "I",
        "C",
        "K0",
        "once",
        "key",
        "any",
        "frozenset",
        "r_0",
        "b_count",
        "v_x",
        "flat",
    ],
)
def test_a_variable_hides_no_name_of_the_source(name: str) -> None:
    body = (
        f'some {name} in input.events\ncount({{"a", "b"}}) == 2\n'
        f"not {name}.size == 1\ninput.limits.a == 1"
    )

    found = solutions(rule(body, evidence=(name,)), {**EVENTS, "limits": {"a": 1}})

    assert found == [(("e2",), None)]


def test_a_variable_of_two_comprehensions_hides_no_helper() -> None:
    body = (
        "count([f_x | some f_x in input.names]) == 2\n"
        "count([f_x | some f_x in input.names; x(f_x)]) == 1"
    )
    # The third helper that is called is `x_2` in the IR, and so is the variable's twin.
    defines = {"p(a)": ("a > 0",), "q(a)": ("a > 0",), "x(a)": ('a == "a"',)}

    assert fires(rule(f"p(1)\nq(1)\n{body}", defines=defines), EVENTS)


def test_a_helper_may_be_called_like_the_body_of_another() -> None:
    defines = {
        "a_1_body(x)": ("x == 1",),
        "a(x)": ("x == 2", "x == 3"),
    }

    assert fires(rule("a_1_body(1)\na(2)\na(3)\nnot a(1)", defines=defines), EVENTS)


def test_a_variable_called_evidence_item_keeps_its_value() -> None:
    body = "es := [e | some e in input.events]\nevidence_item := 7\nevidence_item > 1"
    texts = rule(body, evidence=("es",), value="evidence_item")

    assert solutions(texts, EVENTS) == [(("e1", "e2"), 7)]


def test_inner_comprehensions_see_the_variables_of_each_round() -> None:
    body = (
        "counts := [n | some e in input.events\n"
        "  n := count([1 | some f in input.events; f.size <= e.size])]\n"
        "counts == [1, 2]"
    )

    assert fires(rule(body), EVENTS)


ONE = document(process(1))


def loops(number: int) -> str:
    """That many loops inside each other, and a line that uses their variables."""
    lines = [f"some x{n} in [input.threshold]" for n in range(number)]
    used = ", ".join(f"x{n}" for n in range(number))
    return "\n".join([*lines, f"count([{used}]) == {number}"])


@pytest.mark.parametrize("number", [15, 16, 17, 32, 33, MANY_LOOPS])
def test_a_rule_has_as_many_loops_as_its_text_has_room_for(number: int) -> None:
    texts = rule(f"some e in input.events\n{loops(number)}", evidence=("e",))

    assert solutions(texts, ONE) == [(("e1",), None)]


@pytest.mark.parametrize("number", [17, MANY_LOOPS])
def test_a_helper_has_as_many_loops_as_its_text_has_room_for(number: int) -> None:
    defines = {
        "holds(a)": (f"{loops(number)}\nx{number - 1} == a",),
        "members contains x0": (loops(number),),
    }
    body = "some one in [input.threshold]\nholds(one)\nnot holds(2)\none in members"

    assert fires(rule(body, defines=defines), ONE)


@pytest.mark.parametrize("number", [17, MANY_LOOPS])
def test_a_comprehension_has_as_many_loops_as_its_text_has_room_for(
    number: int,
) -> None:
    lines = loops(number)

    assert fires(rule(f"count([x0 | {lines}]) == 1"), ONE)
    assert fires(rule(f"every y in [input.threshold] {{\n{lines}\ny == x0\n}}"), ONE)


def test_loops_that_go_on_in_another_function_keep_the_order() -> None:
    body = f"{loops(17)}\nsome e in input.events\nsome f in input.events"
    events = document(process(2), process(1))

    found = solutions(rule(body, evidence=("e", "f")), events)

    assert [ids for ids, _ in found] == [("e2",), ("e2", "e1"), ("e1", "e2"), ("e1",)]


def every(depth: int) -> str:
    lines = [f"every x{n + 1} in [x{n}] {{ " for n in range(depth)]
    return "every x0 in [1] { " + "".join(lines) + f"x{depth} == 1" + " }" * (depth + 1)


SHAPES = {
    "arrays": lambda n: "count(" + "[" * n + "]" * n + ") >= 0",
    "calls": lambda n: "abs(" * n + "1" + ")" * n + " == 1",
    "sums": lambda n: "0 < " + " + ".join("1" * n),
    "sets": lambda n: "count(" + " | ".join(["{1}"] * n) + ") == 1",
    "groups": lambda n: "(1 - " * n + "1" + ")" * n + " >= 0",
    "quotients": lambda n: "(1 / " * n + "1" + ")" * n + " == 1",
    "lookups": lambda n: "[0][" * n + "0" + "]" * n + " == 0",
    "objects": lambda n: '{"a": ' * n + "1" + "}" * n + ".a" * n + " == 1",
    "paths": lambda n: (
        "object.get("
        + '{"a": ' * n
        + "1"
        + "}" * n
        + ", ["
        + '"a", ' * n
        + "], 2) == 1"
    ),
    "every": every,
    "comprehensions": lambda n: "count([1 | " * n + "1 == 1" + "]) >= 0" * n,
    "negations": lambda n: "count([1 | not " * n + "1 == 1" + "]) >= 0" * n,
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_deepest_text_that_the_parser_takes_has_a_place_in_python(
    shape: str,
) -> None:
    deepest = None
    for depth in range(1, MAX_HEIGHT):
        module, problems = attempt(rule(SHAPES[shape](depth)))
        if "E112" in [problem.code for problem in problems]:
            break
        assert module is not None, problems
        deepest = module

    assert deepest is not None
    found = list(generate(deepest, shape).rules["rule"]({}, {}))
    assert found == list(interpret(deepest)["rule"]({}, {})) == [((), None)]


def test_a_body_may_have_hundreds_of_conditions() -> None:
    lines = "\n".join(["input.threshold >= 0.5"] * 400)

    assert fires(rule(f"{lines}\nevery x in [1] {{\n{lines}\nx == 1\n}}"), EVENTS)


def test_text_of_a_policy_stays_text() -> None:
    text = "'+__import__('os')+'\\\n\"\"\""
    name = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")

    assert fires(rule(f'"{name}" in input.names'), document(names=[text]))


def test_a_long_number_stands_in_the_table_of_constants() -> None:
    module = one_rule(ir.Operation("eq", (ir.Input(), ir.Constant(10**5000))))

    assert list(generate(module, "test").rules["rule"](10**5000, {})) == [((), None)]


def one_rule(condition: ir.Expression) -> ir.Module:
    body = ir.RuleBody(ir.Block((ir.Test(condition),)), (), None)
    return ir.Module((), (ir.Rule("rule", (body,)),))


def test_solutions_come_one_by_one() -> None:
    texts = rule(
        "some e in input.events\n10 / e.size > 0\ne.host == `WS-1`", evidence=("e",)
    )
    events = [process(1), process(2)]
    found = generate(lowered(texts), "test").rules["rule"](document(*events), {})
    first = next(found)
    events[1].clear()

    assert first == (("e1",), None)
    with pytest.raises(KeyError):
        next(found)


def test_the_bodies_of_a_rule_are_tried_in_order() -> None:
    bodies = (
        "some e in input.events\ne.size == 2",
        "some e in input.events\ne.size > 0",
    )

    found = solutions(rule(*bodies, evidence=("e",)), EVENTS)

    assert [evidence for evidence, _ in found] == [("e2",), ("e1",), ("e2",)]


def squares(number: int) -> str:
    """Lines that square `s0` that often."""
    return "\n".join(f"s{n + 1} := s{n} * s{n}" for n in range(number))


def test_repeated_squares_do_not_fill_the_memory() -> None:
    start = 's0 := object.get(input.limits, "a", -9)'

    assert fires(rule(f"{start}\n{squares(60)}\ns0 * s60 < 0\ns60 * -0.5 < 0"), EVENTS)


def test_a_product_of_decimals_stays_finite() -> None:
    start, end = "s0 := input.threshold * 1.0", "s60 * 0.0 == 0\nfloor(s60) > 0"
    body = f"{start}\n{squares(60)}\ns60 - s60 == 0\n{end}"

    assert fires(rule(body), {**EVENTS, "threshold": Decimal("1e300")})


def test_of_two_values_for_one_key_the_first_is_kept() -> None:
    body = '{e.host: e.size | some e in input.events}["WS-1"] == 1'

    assert fires(rule(body), EVENTS)


@pytest.mark.parametrize(
    "wanted",
    [
        "{row.name | some row in data.rows} == {`a`, `b`}",
        "count([row.name | some row in data.rows]) == 3",
        "sum([row.deep.size | some row in data.rows]) == 6",
        "count({row.deep.size | some row in data.rows; row.name == `a`}) == 2",
        "{name | some name in data.names} == {`b`, `c`}",
    ],
)
def test_what_is_taken_from_a_list_is_what_the_interpreter_takes(wanted: str) -> None:
    rows = tuple({"name": n, "deep": {"size": s}} for n, s in (("a", 1), ("b", 2)))
    lists = {
        "rows": (*rows, {"name": "a", "deep": {"size": 3}}),
        "names": ("c", "b", "c"),
    }

    assert fires(rule(wanted, lists=lists), EVENTS)


def test_a_set_of_constants_is_made_once() -> None:
    body = "input.names[0] in {name | some name in data.names}"
    module = lowered(rule(body, lists={"names": ("a", "b")}))

    assert " for " not in generate(module, "test").source.partition("def x0_0")[2]


ALIKE = "found := [e | some e in input.events; lower(e.host) == lower(first.host)]"


def test_elements_that_are_alike_share_what_is_found() -> None:
    body = "some e in input.events\nsome other in {0}\nother.size > {1}"
    texts = Texts(
        {
            "one": (body.format("alike(e)", 1),),
            "two": (body.format("alike(e)", 2),),
        },
        {"alike(first) := found": (ALIKE,)},
        ("e", "other"),
    )
    events = document(process(1), process(2), process(3), process(4))
    for at, host in enumerate(("ws-1", "WS-1", "ws-2", "Ws-2")):
        events["events"][at]["host"] = host

    found = run(texts, events)

    assert [evidence for evidence, _ in found["one"]] == [
        ("e1", "e2"),
        ("e2",),
        *(("e3",), ("e3", "e4"), ("e4", "e3"), ("e4",)),
    ]
    assert [evidence for evidence, _ in found["two"]] == [
        *(("e3",), ("e3", "e4"), ("e4", "e3"), ("e4",))
    ]
