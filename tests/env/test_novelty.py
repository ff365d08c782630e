"""Novelty: only what the verifier sees is new."""

from __future__ import annotations

from typing import Any

from opensoc_engine.decision import Decision, Finding
from opensoc_env.novelty import Archive, pattern_of


def event(log_id: str, event_type: str = "process.start") -> dict[str, Any]:
    return {"log_id": log_id, "event_type": event_type}


def decision(*rules: str, proof: str = "L1") -> Decision:
    findings = tuple(
        Finding(
            rule,
            "p",
            "1.0.0",
            "t",
            "monitor",
            None,
            None,
            None,
            (proof,),
            ((proof,),),
            {},
        )
        for rule in rules
    )
    return Decision("monitor", None, findings, "verifier", "1.0.0", "0" * 64)


def test_first_sight_is_worth_one_and_repeats_less_and_less() -> None:
    archive = Archive()
    pattern = pattern_of({"events": [event("L1")]}, decision("a"))

    assert [archive.add(pattern) for _ in range(3)] == [1.0, 1 / 2, 1 / 3]


def test_padding_with_events_that_prove_nothing_is_not_novel() -> None:
    plain = {"events": [event("L1")]}
    padded = {"events": [event("L1"), event("L2", "dns.query")]}

    assert pattern_of(plain, decision("a")) == pattern_of(padded, decision("a"))


def test_another_name_is_not_novel() -> None:
    one = pattern_of({"events": [event("L1")]}, decision("a"))
    other = pattern_of({"events": [event("X9")]}, decision("a", proof="X9"))

    assert one == other


def test_another_rule_or_another_kind_of_proof_is_novel() -> None:
    base = pattern_of({"events": [event("L1")]}, decision("a"))

    assert pattern_of({"events": [event("L1")]}, decision("a", "b")) != base
    assert pattern_of({"events": [event("L1", "log.clear")]}, decision("a")) != base


def test_incidents_without_a_fired_rule_are_one_pattern() -> None:
    quiet = decision()

    one = pattern_of({"events": [event("L1")]}, quiet)
    other = pattern_of({"events": [event("L1", "dns.query")]}, quiet)

    assert one == other


def test_archive_goes_on_from_its_counts() -> None:
    archive = Archive()
    archive.add(((), ()))

    assert Archive(archive.counts).add(((), ())) == 1 / 2
