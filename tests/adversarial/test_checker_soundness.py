"""Attacks on the checker: what compiles never fails, and reads only what it may.

Each test is an attempt to get a wrong fact past the checker. A policy either does not
compile, with the code that is named, or it runs on documents that fit its schema and
both back ends agree.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from policy_modules import Texts, attempt, rule

from opensoc_engine import InputError
from opensoc_engine.analysis.scope import Strictness
from opensoc_engine.codegen.python import generate
from opensoc_engine.decision import exact
from opensoc_engine.interpreter import interpret
from opensoc_engine.policy.schema_validator import SchemaStore, validate_instance
from opensoc_engine.schema_types import schema_type, value_type

TEXT = {"type": "string"}
INTEGER = {"type": "integer"}
NUMBER = {"type": "number"}
LOG_ID = {**TEXT, "x-identity": True}
STORY = {**TEXT, "x-trust": "free_text"}
CLAIM = {**TEXT, "x-trust": "claim"}
BOTH = frozenset({"claim", "free_text"})


def closed(*optional: str, **properties: Any) -> dict[str, Any]:
    """The schema of an object that has all its properties, but for the optional."""
    return {**open_(*optional, **properties), "additionalProperties": False}


def open_(*optional: str, **properties: Any) -> dict[str, Any]:
    """The same, of an object that may have other properties too."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def union(*members: dict[str, Any]) -> dict[str, Any]:
    return {"oneOf": list(members), "discriminator": {"propertyName": "kind"}}


EVENTS = array(
    union(
        closed(id=LOG_ID, kind={"const": "process"}, name=TEXT, size=INTEGER),
        closed("user", id=LOG_ID, kind={"const": "logon"}, user=closed(name=TEXT)),
        closed(id=LOG_ID, kind={"enum": ["write", "change"]}, size=TEXT, path=TEXT),
    )
)
PROCESS = {"id": "e1", "kind": "process", "name": "a", "size": 1}
LOGON = {"id": "e2", "kind": "logon"}
WRITE = {"id": "e3", "kind": "write", "size": "x", "path": "p"}


def codes(
    schema: dict[str, Any],
    body: str | Texts,
    *,
    strictness: Strictness = Strictness.NOTHING_REFUSED,
) -> set[str]:
    """What is said about a policy that may read no claim and no free text."""
    kind = schema_type("input.json", {"input.json": schema})
    texts = rule(body) if isinstance(body, str) else body
    return {item.code for item in attempt(texts, strictness, kind, BOTH)[1]}


def fires(schema: dict[str, Any], body: str | Texts, document: Any) -> bool:
    """True if the rule has a solution; it compiles, and the back ends agree."""
    assert not validate_instance(document, "i.json", SchemaStore({"i.json": schema}))
    texts = rule(body) if isinstance(body, str) else body
    kind = schema_type("input.json", {"input.json": schema})
    module, problems = attempt(texts, kind=kind)
    assert module is not None, [problem.message for problem in problems]
    seen = exact(document)
    generated = list(generate(module, "test").rules["rule"](seen, {}))

    assert generated == list(interpret(module)["rule"](seen, {}))
    return bool(generated)


def on_events(*lines: str) -> set[str]:
    return codes(closed(events=EVENTS), "\n".join(lines))


# Narrowing


def test_a_comparison_of_one_variable_says_nothing_about_another() -> None:
    lines = "some a in input.events", "some b in input.events", 'a.kind == "process"'

    assert on_events(*lines, 'b.name == "x"') == {"E404"}


def test_a_comparison_in_a_comprehension_does_not_reach_the_next_line() -> None:
    inside = 'count([b | some b in input.events; a.kind == "process"]) == 0'

    assert on_events("some a in input.events", inside, 'a.name == "x"') == {"E404"}


def test_a_comparison_in_every_does_not_reach_the_next_line() -> None:
    inside = 'every b in input.events { b.id != ""; a.kind == "process" }'

    assert on_events("some a in input.events", inside, 'a.name == "x"') == {"E404"}


def test_a_comparison_under_not_says_nothing() -> None:
    inside = 'not a.kind == "logon"'

    assert on_events("some a in input.events", inside, 'a.name == "x"') == {"E404"}


def test_an_inequality_says_nothing() -> None:
    inside = 'a.kind != "logon"'

    assert on_events("some a in input.events", inside, 'a.name == "x"') == {"E404"}


def test_a_comparison_in_a_helper_does_not_reach_its_caller() -> None:
    defines = {"is_process(e)": ('e.kind == "process"',)}
    body = 'some a in input.events\nis_process(a)\na.name == "x"'

    assert codes(closed(events=EVENTS), rule(body, defines=defines)) == {"E404"}


def test_a_comparison_in_one_body_says_nothing_in_the_other() -> None:
    first = 'some a in input.events\na.kind == "process"\na.name == "x"'
    second = 'some a in input.events\na.name == "x"'

    assert codes(closed(events=EVENTS), rule(first, second)) == {"E404"}


def test_a_copy_made_before_the_comparison_is_not_narrowed() -> None:
    lines = "some a in input.events", "b := a", 'a.kind == "process"'

    assert on_events(*lines, 'b.name == "x"') == {"E404"}


def test_two_kinds_leave_what_both_have() -> None:
    lines = "some a in input.events", 'a.kind in {"process", "write"}'

    assert on_events(*lines, 'a.path == "x"') == {"E404"}


def test_a_field_that_kinds_type_differently_has_no_type() -> None:
    lines = "some a in input.events", 'a.kind in {"process", "write"}'

    assert on_events(*lines, "a.size == 1") == {"E401"}
    assert on_events(*lines, 'object.get(a, "size", 1) == 1') == {"E401"}


def test_contradicting_comparisons_never_hold() -> None:
    body = 'some a in input.events\na.kind == "process"\na.kind == "write"'

    assert codes(closed(events=EVENTS), f"{body}\na.size > 1") == {"E405"}


def test_a_field_of_an_object_in_one_kind_and_a_number_in_another_is_refused() -> None:
    schema = union(
        closed(kind={"const": "a"}, f=INTEGER),
        closed(kind={"const": "b"}, f=closed(x=INTEGER)),
    )

    assert codes(closed(u=schema), "input.u.f == 1") == {"E401"}
    assert codes(closed(u=schema), 'object.get(input.u, "f", 1) == 1') == {"E401"}


def test_a_field_without_a_name_is_no_discriminator() -> None:
    one = closed(**{"": {"enum": ["p", "q"]}, "x": INTEGER})
    schema = union(
        closed(kind={"const": "a"}, f=one),
        closed(kind={"const": "b"}, f=closed(**{"": {"const": "q"}})),
    )
    body = 'input.u.f[""] == "p"\ninput.u.f.x == 1'

    assert codes(closed(u=schema), body) == {"E404"}


# Absence

MAYBE = closed("p", "xs", p=closed(q=INTEGER), xs=array(INTEGER))


@pytest.mark.parametrize(
    "guard",
    [
        "count([1 | input.p]) == 0",
        "count([input.p.q | true]) == 0",
        'every x in object.get(input, "xs", []) { input.p; x > 0 }',
        "not input.p",
        'object.get(input, "p", {"q": 1}).q == 1',
    ],
)
def test_a_guard_that_need_not_hold_proves_nothing(guard: str) -> None:
    assert codes(MAYBE, f"{guard}\nnot input.p.q == 1") == {"E403"}


def test_a_guard_in_one_body_proves_nothing_in_the_other() -> None:
    assert codes(MAYBE, rule("input.p", "not input.p.q == 1")) == {"E403"}


def test_a_guard_in_a_helper_proves_nothing_to_its_caller() -> None:
    schema = closed(o=MAYBE)
    texts = rule("has(input.o)\nnot input.o.p.q == 1", defines={"has(x)": ("x.p",)})

    assert codes(schema, texts) == {"E403"}


def test_a_helper_that_reads_what_may_be_absent_is_refused_under_not() -> None:
    schema = closed(o=MAYBE)
    texts = rule("not big(input.o)", defines={"big(x)": ("x.p.q > 1",)})

    assert codes(schema, texts) == {"E403"}


def test_absence_deep_inside_an_optional_object_is_absence() -> None:
    schema = closed("a", a=closed("b", b=closed("c", c=INTEGER)))

    assert codes(schema, "input.a.b\nnot input.a.b.c == 1") == {"E403"}
    assert not fires(schema, "input.a.b.c", {"a": {"b": {}}})
    assert fires(schema, "not input.a.b.c", {"a": {}})
    assert fires(schema, "input.a.b.c\nnot input.a.b.c == 2", {"a": {"b": {"c": 1}}})


def test_the_value_of_a_rubric_must_always_be_there() -> None:
    assert codes(MAYBE, rule("input.xs", value="input.p.q")) == {"E403"}
    assert codes(MAYBE, rule("input.xs", value="1 / count(input.xs)")) == {"E403"}


def test_an_empty_array_has_no_first_element() -> None:
    assert not fires(MAYBE, "x := [][0]\ncount([x]) == 1", {})
    assert not fires(MAYBE, "some x in set()\ncount([x]) == 1", {})


# Objects and maps


def test_an_open_object_is_read_by_its_known_names_alone() -> None:
    schema = closed(o=open_(a=INTEGER), k=TEXT)

    assert fires(schema, "input.o.a == 1", {"o": {"a": 1, "b": "x"}, "k": "b"})
    for body in (
        "some k, v in input.o\ncount([k]) == v",
        "input.o[input.k] > 1",
        '"a" in object.keys(input.o)',
        "count(input.o) > 1",
    ):
        assert codes(schema, body) == {"E401"}


def test_an_open_kind_may_hold_anything_under_the_name_of_another() -> None:
    schema = union(open_(kind={"const": "a"}), closed(kind={"const": "b"}, f=INTEGER))

    assert codes(closed(u=schema), 'object.get(input.u, "f", 1) > 1') == {"E401"}
    narrowed = 'input.u.kind == "b"\nobject.get(input.u, "f", 1) > 1'
    assert fires(closed(u=schema), narrowed, {"u": {"kind": "b", "f": 2}})


def test_an_open_object_does_not_lend_its_unknown_fields_to_a_literal() -> None:
    schema = closed(o=open_(a=INTEGER))

    assert codes(schema, 'x := [input.o, {"a": 1, "b": 2}][0]\nx.b > 1') == {"E401"}


def test_properties_beside_a_schema_for_the_rest_have_no_type() -> None:
    schema = {**open_(a=TEXT), "additionalProperties": INTEGER}

    with pytest.raises(InputError, match="use one of them"):
        codes(closed(m=schema), "input.m.a > 1")


def test_a_key_that_is_not_in_a_map_has_no_value() -> None:
    schema = closed(m={"type": "object", "additionalProperties": INTEGER}, k=TEXT)

    assert codes(schema, "not input.m[input.k] == 1") == {"E403"}
    assert codes(schema, "not input.m.a == 1") == {"E403"}
    assert not fires(schema, "input.m[input.k] == 1", {"m": {"b": 1}, "k": "a"})


def test_a_key_that_is_one_of_the_known_names_has_a_value() -> None:
    schema = closed("k", k={"enum": ["a", "b"]})
    table = 'x := {"a": 1, "b": 2}\n'

    assert fires(schema, f'{table}not x[object.get(input, "k", "a")] == 2', {})
    joined = f'{table}some k in [object.get(input, "k", "a"), "c"]\nnot x[k] == 2'
    assert codes(schema, joined) == {"E403"}


# Values


def test_the_bodies_of_a_set_must_give_one_type() -> None:
    defines = {"s contains x": ("some x in [1, 2]", 'some x in ["a"]')}

    assert codes(MAYBE, rule("1 in s", defines=defines)) == {"E401"}


def test_booleans_are_no_numbers() -> None:
    schema = closed(b={"type": "boolean"}, n=INTEGER)

    for body in ("input.b in {1}", "input.b == 1", "sort([input.b, input.n]) == []"):
        assert codes(schema, body) == {"E401"}


def test_an_element_of_nothing_is_not_looked_for_among_objects() -> None:
    texts = rule("some x in set()\nx in data.rows", lists={"rows": ({"a": 1},)})

    assert codes(MAYBE, texts) == {"E401"}


def test_a_list_and_an_array_of_the_input_with_the_same_elements_are_equal() -> None:
    texts = rule("input.k == data.l", lists={"l": ("a", "b")})

    assert fires(closed(k=array(TEXT)), texts, {"k": ["a", "b"]})


def test_a_glob_with_delimiters_is_not_taken_for_total() -> None:
    many = ", ".join(f'"{letter}"' for letter in "abcdefghijklmnopq")
    for call in (
        f'glob.match("*", [{many}], "zz")',
        f'glob.match("{"?" * 200}", ["a", "b", "c", "d", "\\u4e00"], "zz")',
    ):
        assert codes(MAYBE, f"not {call}") == {"E403"}
    assert fires(MAYBE, 'not glob.match("a*", [".", "."], "zz")', {})


@pytest.mark.parametrize("number", [10**300, -(10**300), 10**3999])
def test_integers_of_any_size_are_calculated_with(number: int) -> None:
    schema = closed(n=INTEGER, d=NUMBER)
    body = (
        "x := input.n * input.n + input.n\ny := input.d * input.n\n"
        "count([v | some v in [x, y, floor(y), input.n % 7, x - y]; v != 0]) > 0"
    )

    assert fires(schema, body, {"n": number, "d": 1.5})


def test_a_decimal_beyond_all_bounds_stays_finite() -> None:
    lines = ["d0 := input.d", *(f"d{b} := d{a} * d{a}" for a, b in pairwise(range(9)))]
    lines += ["d8 - d8 == 0", "ceil(d8) > 0", 'x := sprintf("%v", [d8])', 'x != ""']

    assert fires(closed(d=NUMBER), "\n".join(lines), {"d": 1e308})


def test_dates_of_the_schema_have_an_instant() -> None:
    schema = closed(at={**TEXT, "format": "date-time"})
    body = "not time.parse_rfc3339_ns(input.at) == 0"

    for text in ("2024-02-29T23:59:59.999999999Z", "0001-01-01T00:00:00+23:59"):
        assert fires(schema, body, {"at": text})


def test_a_text_that_takes_the_place_of_a_time_need_not_have_an_instant() -> None:
    schema = closed("at", at={**TEXT, "format": "date-time"})
    body = 'not time.parse_rfc3339_ns(object.get(input, "at", "x")) == 0'

    assert codes(schema, body) == {"E403"}


# Evidence


@pytest.mark.parametrize(
    "event",
    [
        closed("id", id=LOG_ID, n=INTEGER),
        closed(id={**INTEGER, "x-identity": True}, n=INTEGER),
    ],
)
def test_an_identity_that_may_be_absent_or_is_no_text_is_no_evidence(
    event: dict[str, Any],
) -> None:
    texts = rule("some e in input.events\ne.n == 1", evidence=("e",))

    assert codes(closed(events=array(event)), texts) == {"E605"}


def test_what_a_policy_writes_is_no_evidence() -> None:
    schema = closed(events=array(closed(id=LOG_ID, n=INTEGER)))
    body = 'some e in input.events\nx := [e, {"id": "forged", "n": e.n}]'

    assert codes(schema, rule(body, evidence=("x",))) == {"E605"}


# Trust

TOLD = closed(
    "told",
    story=STORY,
    claim=CLAIM,
    name=TEXT,
    told=STORY,
    events=array(closed("note", id=LOG_ID, text=STORY, note=CLAIM, name=TEXT)),
)
READS = [
    'input.story == "x"',
    'input["story"] == "x"',
    "input.told",
    "not input.told",
    'not input.story == "x"',
    'object.get(input, "story", "") == "x"',
    'object.get(input, ["story"], "") == "x"',
    'x := object.get(input, "events", [])[0]\nx.text == "x"',
    'some k in ["story", "name"]\ninput[k] == "x"',
    'some k in ["story"]\nobject.get(input, k, "") == "x"',
    'some e in input.events\nsome k in ["text"]\ne[k] == "x"',
    "some e in input.events\ne.note",
    'some e in input.events\n"note" in object.keys(e)',
    "some e in input.events\ncount(e) > 3",
    'some e in input.events\nx := {"e": e}\nx.e.text == "x"',
    'some e in input.events\nx := [e][0]\nx.text == "x"',
    'some e in input.events\nx := [{"text": "", "name": ""}, e]\nx[1].text == "x"',
    "some e in input.events\ncount([f | some f in input.events; f.text == e.text]) > 1",
    'every e in input.events { e.text == "x" }',
    'some e in input.events\nobject.get({"a": e}, ["a", "text"], "") == "x"',
]


@pytest.mark.parametrize("body", READS)
def test_no_way_leads_to_what_an_attacker_says(body: str) -> None:
    assert "E501" in codes(TOLD, body)


@pytest.mark.parametrize(
    "body",
    [
        "some k, v in input\ncount([k, v]) == 2",
        "count(input) > 1",
        '"story" in object.keys(input)',
        "x := input\ncount([x]) == 1",
        "x := [input]\ncount(x) == 1",
        'x := object.get(input, [], {"name": "x"})\ncount([x]) == 1',
        'some e in input.events\ne == {"id": "e1"}',
        "some e in input.events\ne in input.events",
        "count({e | some e in input.events}) > 1",
        'some e in input.events\nsprintf("%v", [e]) == "x"',
    ],
)
def test_objects_are_never_compared_or_handed_over_as_a_whole(body: str) -> None:
    assert codes(TOLD, body) & {"E401", "E406", "E501"}


def test_a_helper_reads_no_more_than_its_caller() -> None:
    defines = {"text_of(e) := e.text": ("",), "says(e, x)": ("text_of(e) == x",)}
    body = 'some e in input.events\nsays(e, "x")'

    assert codes(TOLD, rule(body, defines=defines)) == {"E501"}


@pytest.mark.parametrize(
    "schema",
    [
        array({**TEXT, "x-trust": "free_text"}),
        {"type": "object", "additionalProperties": STORY},
        array(array(STORY)),
        {"$ref": "#/$defs/story"},
        array({"$ref": "#/$defs/story"}),
    ],
)
def test_a_label_inside_a_value_labels_the_value(schema: dict[str, Any]) -> None:
    document = {**closed(x=schema), "$defs": {"story": STORY}}

    assert codes(document, "x := input.x\ncount([x]) == 1") == {"E501"}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        (closed(x={**TEXT, "x-trust": "freetext"}), "is not claim or free_text"),
        ({**closed(x=TEXT), "x-trust": "claim"}, "labels no property"),
        (closed(x={**array(STORY), "x-trust": "claim"}), "two kinds of `x-trust`"),
    ],
)
def test_a_label_that_would_forbid_nothing_is_refused(
    schema: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        codes(schema, 'input.x == "x"')


# Hostile sizes: each of these took minutes, gigabytes or a traceback.


def chain(number: int, line: str) -> dict[str, tuple[str, ...]]:
    """Helpers that call each other; `line` calls helper `{0}`."""
    heads = {f"h{at}(x)": (line.format(f"h{at + 1}"),) for at in range(number)}
    return {**heads, f"h{number}(x)": ("count([x]) == 1",)}


BIG = tuple(f"w{number}" for number in range(20_000))
HOSTILE = {
    "four loops over events": rule(
        "some a in input.events\nsome b in input.events\nsome c in input.events\n"
        "some d in input.events\ncount([a, b, c, d]) == 4"
    ),
    "loops in helpers": rule(
        "some a in input.events\none(a)",
        defines={
            "one(a)": ("some b in input.events\ntwo([a, b])",),
            "two(x)": (
                "some c in input.events\n"  # noqa: ISC004 - one text
                "count([d | some d in input.events; d.id != c.id; count(x) == 2]) > 1",
            ),
        },
    ),
    "a loop over pairs of pairs": rule(
        "pairs := [a | some a in input.events; some b in input.events; a.id != b.id]\n"
        "some p in pairs\nsome q in pairs\np.id == q.id"
    ),
    "seven loops over numbers": rule(
        "\n".join(f"some x{n} in input.xs" for n in range(7))
        + "\ncount([x0, x1, x2, x3, x4, x5, x6]) == 7"
    ),
    "ranges in ranges": rule(
        "some a in numbers.range(1, 9999)\nsome b in numbers.range(1, 9999)\na == b"
    ),
    "lists in lists": rule(
        "some a in data.big\nsome b in data.big\na == b", lists={"big": BIG}
    ),
    "helpers that call helpers twice": rule(
        "h0(1)", defines=chain(22, "not {0}(x)\n{0}(x)")
    ),
    "helpers that call helpers that call": rule("h0(1)", defines=chain(127, "{0}(x)")),
    "types that double": rule("h0(1)", defines=chain(22, '{0}({{"a": x, "b": x}})')),
    "types of every shape": rule(
        "h0(1)", defines=chain(15, '{0}([x])\n{0}({{"a": x}})')
    ),
    "a helper for each constant": rule(
        "\n".join(f'h0("{number}")' for number in range(1_100)), defines=chain(0, "")
    ),
    "a value of a thousand levels": rule(
        "\n".join(["x0 := [1]", *(f"x{b} := [x{a}]" for a, b in pairwise(range(900)))])
        + "\ncount(x899) == 1"
    ),
    "objects of every shape": rule(
        "x := [" + ", ".join(f'{{"a{n}": 1}}' for n in range(1_200)) + "]\ncount(x) > 0"
    ),
    "more text than a policy has": Texts(
        {f"r{n}": ("1 < 2\n" * 3_000,) for n in range(4)}, {}
    ),
    "more lines than a policy has": Texts(
        {f"r{n}": ("1<2\n" * 4_500,) for n in range(2)}, {}
    ),
}
SIZED = closed(events=array(closed(id=LOG_ID)), xs=array(INTEGER))


@pytest.mark.parametrize("name", HOSTILE)
def test_a_policy_that_asks_for_too_much_is_refused(name: str) -> None:
    assert codes(SIZED, HOSTILE[name]) == {"E701"}


def test_a_constant_list_that_is_asked_often_is_kept_once() -> None:
    lines = "\n".join(["n in data.big"] * 900)
    texts = rule(f"some e in input.events\nn := e.id\n{lines}", lists={"big": BIG})

    assert fires(SIZED, texts, {"events": [{"id": "w7"}], "xs": []})


@pytest.mark.parametrize(
    "values",
    [
        {f"k{number}": 1 for number in range(1_001)},
        tuple({f"k{number}": 1} for number in range(1_001)),
        tuple({"x": {f"k{number}": 1}} for number in range(1_001)),
    ],
)
def test_a_list_of_too_many_keys_or_shapes_is_refused(values: Any) -> None:
    with pytest.raises(InputError, match="at most"):
        value_type(values)
