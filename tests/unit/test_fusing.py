from __future__ import annotations

from policy_modules import Texts, document, lowered, process, rule, solutions

from opensoc_engine.codegen.python import generate

PROCESS = 'some e in input.events\ne.kind == "process"\n'
# It takes long, so it waits for the lines that events are sorted by.
LATE = "time.parse_rfc3339_ns(e.at) > 1769846400000000000"
EVENTS = document(process(1), process(2, at="2026-01-31T09:00:00Z"))


def source_of(*bodies: str) -> str:
    """The Python of rules with one body each."""
    rules = {f"r{at}": (body,) for at, body in enumerate(bodies)}
    return generate(lowered(Texts(rules, {}, evidence=("e",))), "test").source


def test_a_stream_of_one_body_is_not_kept() -> None:
    body = f"{PROCESS}{LATE}"

    assert "def s0(" not in source_of(body)
    assert solutions(rule(body, evidence=("e",)), EVENTS) == [(("e2",), None)]


def test_a_stream_of_two_bodies_is_kept() -> None:
    body = f"{PROCESS}{LATE}"

    assert "def s0(" in source_of(body, body)
    assert solutions(rule(body, body, evidence=("e",)), EVENTS) == [
        (("e2",), None),
        (("e2",), None),
    ]


def test_elements_of_short_and_long_arrays_are_found_in_order() -> None:
    body = f"{PROCESS}some name in input.names\nlower(name) == lower(e.host)"
    texts = rule(body, value="count(name)")
    for number in (1, 6, 7, 30):
        names = ["x"] * number + ["A", "a"]
        found = document(process(1, host="a"), names=names)

        assert solutions(texts, found) == [((), 1), ((), 1)]


def test_a_body_that_is_fulfilled_by_nothing_says_so() -> None:
    assert solutions(rule(f"{PROCESS}{LATE}"), document(process(1))) == []


def test_more_lines_than_python_nests_are_taken_one_by_one() -> None:
    late = [f"time.parse_rfc3339_ns(e.at) != {number}" for number in range(150)]
    body = "\n".join((f"{PROCESS}e.parent", *late, 'e.parent.name != "x"'))
    events = document(process(1), process(2, parent={"name": "a"}))
    pair = f"{body}\nsome f in input.events\nlower(f.host) == lower(e.host)"

    assert solutions(rule(body, body, evidence=("e",)), events) == [(("e2",), None)] * 2
    assert len(solutions(rule(pair, pair, evidence=("e",)), events)) == 4
