"""A comparison with a kind of event that is written wrongly is one mistake."""

from __future__ import annotations

import pytest
from policy_modules import Texts, attempt, rule


def messages(texts: Texts) -> list[str]:
    """What is wrong with a policy, in the order of its places."""
    _, found = attempt(texts)
    return [f"{item.code} {item.label.span.text}" for item in found]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('e.kind == "netwrk"', 'E405 "netwrk"'),
        ('e.kind in {"netwrk", "proces"}', 'E405 "netwrk"'),
        ('e.knd == "network"', "E301 knd"),
        ('e.knd in {"network"}', "E301 knd"),
    ],
)
def test_what_follows_a_misspelt_comparison_is_not_reported(
    line: str, message: str
) -> None:
    body = f"some e in input.events\n{line}\ne.port == 22\nnot e.port == 1"

    assert messages(rule(body, evidence=("e",))) == [message]


def test_a_helper_that_stands_before_the_mistake_is_not_reported() -> None:
    body = 'some e in input.events\ne.kind == "netwrk"\nopen_port(e)'
    texts = rule(body, defines={"open_port(e)": ("e.port == 22",)})

    assert messages(texts) == ['E405 "netwrk"']


def test_after_a_misspelt_field_its_value_still_says_the_kind() -> None:
    body = 'some e in input.events\ne.knd == "network"\ne.prt == 22'

    assert messages(rule(body)) == ["E301 knd", "E301 prt"]


def test_of_two_kinds_the_known_one_counts() -> None:
    body = 'some e in input.events\ne.kind in {"network", "proces"}\ne.prt == 22'

    assert messages(rule(body)) == ['E405 "proces"', "E301 prt"]


def test_another_misspelt_field_is_no_comparison_of_the_kind() -> None:
    body = 'some e in input.events\ne.hst == "WS-1"\ne.port == 22'

    assert messages(rule(body)) == ["E301 hst", "E404 port"]
