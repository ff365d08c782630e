"""A defender is told every cut-off that an attacker can play with, and no verdict."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_rules import first_guessed, set_threshold, small_rules

from opensoc_engine import data_root
from opensoc_env.cut_offs import (
    FILE,
    THRESHOLDS,
    CutOff,
    cut_offs_for,
    cut_offs_of,
    read_plain,
)
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.episode import Episode
from opensoc_env.judge import Judge, default_judge, first_way
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


def shipped() -> tuple[CutOff, ...]:
    return cut_offs_of(default_judge().verifier)


def numbers() -> dict[str, Any]:
    found = default_judge().verifier.lists[THRESHOLDS]
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
    return observe(
        document,
        episode_id="e",
        task="stage1_basic",
        mode="self_play",
        cut_offs=shipped(),
    ).context


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
    texts = [line.text for line in shipped()]

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

    assert cut_offs_for(shipped(), bare, []) == []
    assert cut_offs_for(shipped(), other, []) == []


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
    (line,) = cut_offs_for(shipped(), [], [fact])

    assert line.startswith(start)
    assert cut_offs_for(shipped(), [], ["Data at a: restricted."]) == []


def test_lines_stand_in_the_order_of_the_file() -> None:
    events = [*failures(3), *(event("dns.query", n) for n in range(3))]
    found = cut_offs_for(shipped(), events[::-1], [])

    assert found == [line.text for line in shipped() if line.text in found]
    assert len(found) > 1


def judge_with(place: Path, name: str, old: str, new: str) -> Judge:
    """The judge of a folder with another threshold."""
    root = small_rules(place)
    set_threshold(root, name, old, new)
    return Judge.load(root)


@pytest.mark.parametrize(
    ("number", "action", "pays"), [("10", "block_ip", True), ("31", "dismiss", False)]
)
def test_view_verdict_and_grade_are_by_the_rules_of_one_folder(
    tmp_path: Path, number: str, action: str, *, pays: bool
) -> None:
    judge = judge_with(tmp_path, "min_failures", "10", number)
    row = {"split": HOLDOUT.name, "index": first_guessed()}
    episode = Episode("stage2_multi", "defender_only", 0, **row, judge=judge)
    lines = episode.reset().context
    truth = default_judge().truth(read_rows(HOLDOUT)[row["index"]]["incident"])
    answer = {"action": "block_ip", "cited_log_ids": list(first_way(truth))}
    result = episode.step({"submit_triage": answer}).result

    assert result is not None
    assert [line for line in lines if line.startswith(f"Guessing is {number} fail")]
    assert result.truth_action == action
    assert ((result.reward or 0) > 0) is pays


@pytest.mark.parametrize("value", ["soon", "[5]", "true", "{a: 5}"])
def test_a_line_whose_numbers_the_rules_lack_is_left_out(
    tmp_path: Path, value: str
) -> None:
    judge = judge_with(tmp_path, "rapid_failures", "5", value)
    found = cut_offs_of(judge.verifier)

    assert [line for line in shipped() if line not in found] == [
        line for line in shipped() if line.text.startswith("Guessing is")
    ]


def test_a_fraction_is_shown_as_it_is_written(tmp_path: Path) -> None:
    judge = judge_with(tmp_path, "kilometres_per_hour", "800", "812.50")
    texts = [line.text for line in cut_offs_of(judge.verifier)]

    assert any(text.endswith("faster than 812.50 km/h.") for text in texts)


def test_rules_without_thresholds_have_no_cut_offs() -> None:
    verifier = default_judge().verifier

    assert cut_offs_of(replace(verifier, lists={}, digest="another")) == ()
