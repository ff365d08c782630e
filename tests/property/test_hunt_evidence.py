"""What the hunt of evidence rests on: rules that hold on what they cite, and edges."""

from __future__ import annotations

import pytest
from hunting.cases import incidents_of_cases
from hunting.compared import values_of_fields
from hunting.constants import numbers
from hunting.edges import near
from hunting.laws import self_contained
from hypothesis import find, settings

from opensoc_engine.schema_store import default_store
from opensoc_env.judge import default_judge


def all_that_fire() -> set[str]:
    """Rules that fire in some case."""
    decisions = map(default_judge().truth, incidents_of_cases())
    return {finding.rule for decision in decisions for finding in decision.findings}


def test_the_cases_make_nearly_every_rule_fire() -> None:
    rules = {r.id.text for p in default_judge().verifier.policies for r in p.rules}

    assert len(all_that_fire()) > 0.9 * len(rules)


def test_each_rule_fires_on_the_events_of_each_way_alone() -> None:
    assert sorted(all_that_fire() - self_contained()) == []


def test_values_of_a_field_are_those_that_the_schema_gives_it() -> None:
    schema = default_store().documents["event.schema.json"]
    kinds = [branch["properties"]["event_type"] for branch in schema["oneOf"]]
    given = {kind for node in kinds for kind in node.get("enum", [node.get("const")])}
    known = set(values_of_fields()["events.event_type"])

    assert known
    assert known <= given


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_every_threshold_is_met_under_at_and_over(step: int) -> None:
    quick = settings(derandomize=True, database=None)
    fields = values_of_fields().values()
    edges = {v for values in fields for v in values if type(v) is int and v > 0}

    assert {edge + step for edge in edges} <= set(numbers())
    for edge in edges:
        found = find(near(edge), lambda v, e=edge: v == e + step, settings=quick)
        assert found == edge + step


def test_the_ends_of_a_network_and_their_neighbours_are_drawn() -> None:
    quick = settings(derandomize=True, database=None)
    for text in ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"):
        found = find(near("10.0.0.0/8"), lambda v, want=text: v == want, settings=quick)

        assert found == text
