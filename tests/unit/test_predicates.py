"""A predicate that does not hold has no value in Rego, so it is a line, not a value."""

from __future__ import annotations

import pytest
from policy_modules import attempt, document, fires, process, rule

DEFINES = {"is_large(e)": ("e.size > 5",)}
EVENT = "some e in input.events\n"


@pytest.mark.parametrize(
    "line",
    [
        "large := is_large(e)\nnot large",
        "is_large(e) == false",
        "count([is_large(x) | some x in input.events]) == e.size",
        "{is_large(e)} == {false}",
        "not is_large(e) == true",
    ],
)
def test_a_predicate_is_no_value(line: str) -> None:
    module, found = attempt(rule(EVENT + line, defines=DEFINES))

    assert module is None
    assert [item.code for item in found] == ["E406"]
    assert found[0].help == "write it alone on a line, or after `not`"


@pytest.mark.parametrize(
    ("line", "sizes"), [("is_large(e)", (9,)), ("not is_large(e)", (1,))]
)
def test_a_predicate_holds_alone_and_after_not(
    line: str, sizes: tuple[int, ...]
) -> None:
    policy = rule(EVENT + line, defines=DEFINES)

    for size in (1, 9):
        assert fires(policy, document(process(size))) is (size in sizes)


def test_a_predicate_holds_inside_of_a_comprehension() -> None:
    policy = rule(
        "count([e | some e in input.events; is_large(e)]) == 1", defines=DEFINES
    )

    assert fires(policy, document(process(1), process(9)))
