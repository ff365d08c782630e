"""Templates: values whose slots are filled from facts."""

from __future__ import annotations

import pytest

from opensoc_env.templates import ScenarioError, Template

HOST = {"name": "ws-1", "tags": ["a"]}
FACTS = {"host": HOST, "count": 3, "none": None}


@pytest.mark.parametrize(
    ("value", "filled"),
    [
        ("plain", "plain"),
        (7, 7),
        (None, None),
        ("${count}", 3),
        ("${none}", None),
        ("${host.name}", "ws-1"),
        ("${host.name}:${count}", "ws-1:3"),
        ("100% of ${host.name} %s", "100% of ws-1 %s"),
        ("$5 for ${count}", "$5 for 3"),
        ("$5", "$5"),
        (["a", "${count}", ["${host.name}"]], ["a", 3, ["ws-1"]]),
        ({"z": "${count}", "a": {"b": "${host}"}}, {"z": 3, "a": {"b": HOST}}),
    ],
)
def test_slots_are_filled_wherever_they_stand(value: object, filled: object) -> None:
    assert Template(value).fill(FACTS, "here") == filled


def test_keys_keep_their_order() -> None:
    value = {"z": "${count}", "a": 1, "m": "${none}"}

    assert list(Template(value).fill(FACTS, "here")) == ["z", "a", "m"]


def test_what_is_filled_shares_nothing() -> None:
    value = {"fixed": {"list": [1]}, "host": "${host}"}
    template = Template(value)
    first = template.fill(FACTS, "here")
    first["fixed"]["list"].append(2)
    first["host"]["tags"].append("b")
    first["host"]["name"] = "changed"

    assert template.fill(FACTS, "here") == {"fixed": {"list": [1]}, "host": HOST}
    assert value["fixed"] == {"list": [1]}
    assert HOST == {"name": "ws-1", "tags": ["a"]}


@pytest.mark.parametrize("slot", ["who", "host.who", "count.bits", "host.tags.first"])
def test_a_slot_that_names_nothing_is_named(slot: str) -> None:
    with pytest.raises(ScenarioError, match=f"here: no value for the slot .*{slot}"):
        Template({"a": f"x ${{{slot}}}"}).fill(FACTS, "here")
