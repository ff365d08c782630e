from __future__ import annotations

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are part of a checkout")

from benchmarks import full_rules, portable_rules, scaling, workload
from benchmarks.by_hand.rules import label
from benchmarks.measure import Contender, measure
from opensoc_engine import compile_policies

INCIDENTS = list(workload.incidents(60, 9))


def test_the_workload_is_seeded_and_short() -> None:
    again = list(workload.incidents(60, 9))

    assert again == INCIDENTS
    assert {len(incident["events"]) for incident in INCIDENTS} <= set(range(1, 13))


def test_rules_by_hand_give_the_labels_of_the_engine() -> None:
    verifier = full_rules.pinned()
    expected = [verifier.outcome(incident) for incident in INCIDENTS]

    assert [label(incident) for incident in INCIDENTS] == expected
    assert len(set(expected)) == 5


def test_the_interpreter_of_the_benchmark_gives_the_same_labels() -> None:
    verifier = full_rules.pinned()
    outcome = full_rules.interpreted(verifier)

    few = INCIDENTS[:5]
    assert [outcome(i) for i in few] == [verifier.outcome(i) for i in few]


def test_every_engine_that_is_here_gives_the_same_labels() -> None:
    policies = portable_rules.load()
    contenders, missing = portable_rules.contenders(policies)
    few = INCIDENTS[:8]
    expected = [policies.evaluate(incident).outcome for incident in few]

    for contender in contenders:
        assert [contender.label(contender.prepare(i)) for i in few] == expected
    assert "regorus" in missing


def test_a_wrong_label_is_counted() -> None:
    found = measure([Contender("x", "dict", dict, lambda _: "a")], [{}, {}], "ab", 1)

    assert [timing.wrong for timing in found] == [1]


def test_made_up_rules_compile_and_fire() -> None:
    policies = compile_policies(scaling.rule_files(60))
    outcomes = {policies.outcome(incident) for incident in INCIDENTS}

    assert len(policies.parts[0].facts) == 60
    assert len(outcomes) > 1
