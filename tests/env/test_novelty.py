"""Novelty: only what the verifier sees is new."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from opensoc_engine import InputError
from opensoc_engine.decision import Decision, Finding
from opensoc_env.novelty import Archive, Pattern, pattern_of

ESTATE: dict[str, Any] = {
    "hosts": [
        {"name": "dc-1", "ip": "10.1.1.1", "tier": "T0", "tolerates_isolation": False},
        {"name": "ws-1", "ip": "10.1.1.2", "tier": "T2", "tolerates_isolation": True},
        {"name": "ws-2", "ip": "10.1.1.3", "tier": "T2", "tolerates_isolation": True},
    ],
    "users": [{"name": "ana", "privileged": True}, {"name": "bo", "privileged": False}],
    "authorisations": [{"actor": "ana", "asset": "ws-1"}],
    "threat_intelligence": [{"indicator": "192.0.2.7"}],
}


def event(
    log_id: str, event_type: str = "process.start", **fields: Any
) -> dict[str, Any]:
    return {"log_id": log_id, "event_type": event_type, "fields": fields}


def facts(*events: dict[str, Any]) -> tuple[str, ...]:
    incident = {"events": list(events), "context": ESTATE}
    return pattern_of(incident, decision("a")).facts


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
    archive.add(Pattern((), (), ()))

    assert Archive(archive.counts).add(Pattern((), (), ())) == 1 / 2


@pytest.mark.parametrize(
    ("fields", "fact"),
    [
        ({"host": {"name": "DC-1"}}, "tier T0"),
        ({"source": {"ip": "10.1.1.1"}}, "must stay up"),
        ({"user": {"name": "ana"}}, "privileged"),
        ({"host": {"name": "ws-1"}, "user": {"name": "ana"}}, "record"),
        ({"destination": {"ip": "192.0.2.7"}}, "intelligence"),
        ({"disposition": "blocked"}, "stopped"),
    ],
)
def test_what_is_in_play_in_the_proof_is_part_of_the_pattern(
    fields: dict[str, Any], fact: str
) -> None:
    assert fact in facts(event("L1", **fields))
    assert fact not in facts(event("L1", host={"name": "ws-2"}))


def test_facts_beside_the_proof_are_not_novel() -> None:
    plain = event("L1", host={"name": "ws-1"})

    assert facts(plain) == facts(plain, event("L2", host={"name": "dc-1"}))


def test_another_machine_of_the_same_tier_is_not_novel() -> None:
    one, other = ({"host": {"name": name}} for name in ("ws-1", "ws-2"))

    assert facts(event("L1", **one)) == facts(event("L1", **other))


def test_a_saved_archive_goes_on_and_has_the_same_bytes(tmp_path: Path) -> None:
    first, second = Pattern(("a",), (), ()), Pattern(("b",), ("x",), ("record",))
    here, there = Archive({first: 2, second: 1}), Archive({second: 1, first: 2})
    paths = tmp_path / "here.jsonl", tmp_path / "there.jsonl"
    here.save(paths[0])
    there.save(paths[1])

    assert Archive.load(paths[0]).add(first) == 1 / 3
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_there_is_nothing_in_an_archive_that_was_never_saved(tmp_path: Path) -> None:
    assert len(Archive.load(tmp_path / "none.jsonl")) == 0


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        "1",
        '{"rules": [], "types": [], "count": 1}',
        '{"rules": [], "types": [], "facts": [], "count": 0}',
        '{"rules": "a", "types": [], "facts": [], "count": 1}',
        '{"rules": [1], "types": [], "facts": [], "count": 1}',
    ],
)
def test_a_bad_line_of_an_archive_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line)

    with pytest.raises(InputError, match=r"bad\.jsonl:1: expected an object"):
        Archive.load(path)


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="gone"):
        Archive().save(tmp_path / "gone" / "archive.jsonl")


def test_a_pattern_counts_for_good_only_if_what_follows_succeeds() -> None:
    archive = Archive()
    pattern = pattern_of({"events": [event("L1")]}, decision("a"))
    worth = []
    for fails in (True, False, True):
        with suppress(OSError), archive.counting(pattern) as found:
            worth.append(found)
            if fails:
                raise OSError("disk full")

    assert worth == [1.0, 1.0, 0.5]
    assert archive.counts == {pattern: 1}
