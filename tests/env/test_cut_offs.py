"""A defender is told every cut-off that an attacker can play with, and no verdict."""

from __future__ import annotations

import re
from typing import Any

import pytest

from opensoc_engine import data_root
from opensoc_env.cut_offs import (
    FILE,
    THRESHOLDS,
    cut_offs_for,
    load_cut_offs,
    read_plain,
)
from opensoc_env.observation import observe

SLOT = re.compile(r"\$\{([a-z_.]+)\}")
LISTS = (
    "hosts users authorisations threat_intelligence prevalence sensor_health "
    "data_locations baselines approved_tools"
)
ESTATE: dict[str, Any] = {
    "networks": {"internal": [], "shared_egress": []},
    **{name: [] for name in LISTS.split()},
}


def numbers() -> dict[str, Any]:
    found = read_plain(data_root() / THRESHOLDS)["values"]
    return {
        f"{group}.{name}": n
        for group, part in found.items()
        for name, n in part.items()
    }


def shown() -> set[str]:
    return {
        slot
        for line in read_plain(FILE)["shown"]
        for slot in SLOT.findall(line["text"])
    }


def withheld() -> list[str]:
    return [name for names in read_plain(FILE)["not_shown"].values() for name in names]


def event(kind: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "event_type": kind,
        "source": "edr",
        "timestamp": f"2026-03-02T09:00:{number:02}Z",
        "log_id": f"L{number}",
        "fields": {"user": {"name": "ana"}, **fields},
    }


def failures(number: int) -> list[dict[str, Any]]:
    reason = {"outcome": "failure", "reason": "0xc000006a"}
    return [event("authentication.logon", n, event=reason) for n in range(number)]


def view(events: list[dict[str, Any]]) -> list[str]:
    document = {"events": events, "context": ESTATE}
    seen = observe(document, episode_id="e", task="stage1_basic", mode="self_play")
    return seen.context


def test_every_threshold_is_shown_or_withheld_for_a_reason() -> None:
    assert shown().isdisjoint(withheld())
    assert shown() | set(withheld()) == set(numbers()), f"say it in {FILE.name}"


def test_what_amounts_are_kept_away_from_is_kept_by_the_margin_policy() -> None:
    policy = (data_root() / "rules" / "plausibility" / "margin.yaml").read_text("utf-8")
    kept = read_plain(FILE)["not_shown"]["kept_away_from"]

    assert set(re.findall(r"data\.thresholds\.([a-z_.]+)", policy)) == set(kept)


def test_what_is_longer_than_a_window_is() -> None:
    budgets = read_plain(data_root() / "rules" / "lists" / "budgets.yaml")["values"]
    window = budgets["window_ns"] // budgets["second_ns"]

    assert {
        name: numbers()[name]
        for name in read_plain(FILE)["not_shown"]["longer_than_a_window"]
        if numbers()[name] < window
    } == {}


def test_what_is_the_same_hour_is_one_that_is_shown() -> None:
    same = read_plain(FILE)["not_shown"]["the_same_hour"]

    assert {numbers()[name] for name in same} == {
        numbers()["lolbin.run_within_seconds"]
    }


def test_lines_hold_the_shipped_numbers() -> None:
    texts = [line.text for line in load_cut_offs()]

    assert not any(SLOT.search(text) for text in texts)
    assert any(f"{numbers()['brute_force.min_failures']} failures" in t for t in texts)


def test_a_window_of_few_events_needs_no_count() -> None:
    assert view(failures(2)) == []
    assert [line for line in view(failures(3)) if line.startswith("Guessing is")]


def test_a_line_needs_its_kind_and_its_field() -> None:
    bare = [
        event("authentication.logon", n, event={"outcome": "success"}) for n in range(4)
    ]
    other = [event("iam.change", n, event={"reason": "x"}) for n in range(4)]

    assert cut_offs_for(bare, []) == cut_offs_for(other, []) == []


@pytest.mark.parametrize(
    ("fact", "start"),
    [
        (
            "Threat intelligence lists a with confidence 9 of 100.",
            "Intelligence counts",
        ),
        ("a is on 1% of hosts, first seen 2 days ago.", "Rare is at most"),
    ],
)
def test_a_fact_brings_its_cut_off(fact: str, start: str) -> None:
    assert [line.startswith(start) for line in cut_offs_for([], [fact])] == [True]
    assert cut_offs_for([], ["Data at a: restricted."]) == []


def test_lines_stand_in_the_order_of_the_file() -> None:
    events = [*failures(3), *(event("dns.query", n) for n in range(3))]
    found = cut_offs_for(events[::-1], [])

    assert found == [line.text for line in load_cut_offs() if line.text in found]
    assert len(found) > 1
