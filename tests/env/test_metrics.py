"""Metrics: what each rate counts, and that intervals are honest and repeatable."""

from __future__ import annotations

import json
import math
import pickle
import time

import pytest

from opensoc_env.metrics import Outcome, Rate, score
from opensoc_env.models import ACTIONS, Action


def outcome(
    truth: Action, answer: Action | None, *, cited: bool = False, reward: float = 0.0
) -> Outcome:
    return Outcome(truth, answer, cited, reward)


def holdout(answer: Action) -> list[Outcome]:
    """200 incidents of which 26 are benign, all answered alike."""
    truths: list[Action] = ["dismiss"] * 26
    truths += ["monitor"] * 44 + ["quarantine_host"] * 44
    truths += ["block_ip"] * 43 + ["escalate"] * 43
    return [outcome(truth, answer) for truth in truths]


def test_always_dismiss_on_the_holdout_gets_the_documented_floor() -> None:
    found = score(holdout("dismiss"), "floor")

    assert round(found.accuracy, 2) == 0.13
    assert round(found.macro_f1, 2) == 0.05
    assert found.dismiss_on_malicious == 1.0
    assert found.over_react == 0.0


def test_perfect_answers_get_the_ceiling() -> None:
    outcomes = [outcome(action, action, cited=True, reward=1.1) for action in ACTIONS]

    found = score(outcomes, "oracle")

    assert (found.accuracy, found.macro_f1, found.citation) == (1.0, 1.0, 1.0)
    assert (found.dismiss_on_malicious, found.over_react) == (0.0, 0.0)
    assert found.mean_reward == pytest.approx(1.1)


def test_only_containment_of_a_benign_incident_is_an_over_reaction() -> None:
    answers: tuple[Action, ...] = ("block_ip", "quarantine_host", "escalate", "monitor")
    outcomes = [outcome("dismiss", answer) for answer in answers]
    outcomes.append(outcome("monitor", "block_ip"))

    assert score(outcomes, "x").over_react == 0.5


def test_unreadable_answers_are_wrong_and_counted_apart() -> None:
    found = score([outcome("monitor", None), outcome("monitor", "monitor")], "x")

    assert found.format_ok == 0.5
    assert found.accuracy == 0.5
    assert found.confusion["monitor"]["unreadable"] == 1


def test_macro_f1_leaves_out_actions_that_never_occur() -> None:
    found = score([outcome("monitor", "monitor"), outcome("escalate", "monitor")], "x")

    assert found.macro_f1 == pytest.approx((2 / 3 + 0) / 2)


def test_citation_counts_only_incidents_that_have_proof() -> None:
    outcomes = [
        outcome("dismiss", "dismiss"),
        outcome("escalate", "escalate", cited=True),
    ]

    assert score(outcomes, "x").citation == 1.0


def test_rate_without_anything_to_count_is_no_number_and_null_in_json() -> None:
    found = score([outcome("monitor", "monitor")], "x")

    assert math.isnan(found.over_react)
    assert json.loads(json.dumps(found.to_json()))["over_react"]["value"] is None


def test_no_outcomes_give_a_score_without_numbers() -> None:
    found = score([], "x")

    assert found.n == 0
    assert math.isnan(found.accuracy)


def test_interval_holds_the_rate_and_narrows_with_more_outcomes() -> None:
    few = [outcome("monitor", "monitor"), outcome("monitor", "escalate")] * 10
    many = few * 20

    small, large = score(few, "x").accuracy, score(many, "x").accuracy

    assert small.low < 0.5 < small.high
    assert large.high - large.low < small.high - small.low


def test_same_seed_gives_the_same_interval() -> None:
    outcomes = holdout("monitor")

    assert score(outcomes, "x", 3).to_json() == score(outcomes, "x", 3).to_json()


def test_a_grave_incident_that_is_only_watched_is_missed() -> None:
    outcomes = [
        outcome("escalate", "monitor"),
        outcome("block_ip", "dismiss"),
        outcome("quarantine_host", "block_ip"),
        outcome("monitor", "dismiss"),
    ]

    assert score(outcomes, "x").miss_rate == pytest.approx(2 / 3)


def test_the_other_containment_is_counted_apart() -> None:
    outcomes = [
        outcome("quarantine_host", "block_ip"),
        outcome("block_ip", "block_ip"),
        outcome("block_ip", "escalate"),
        outcome("dismiss", "block_ip"),
    ]

    assert score(outcomes, "x").wrong_containment == pytest.approx(1 / 3)


def test_only_an_escalated_benign_incident_counts_as_such() -> None:
    outcomes = [outcome("dismiss", "escalate"), outcome("dismiss", "block_ip")]

    assert score(outcomes, "x").escalate_on_benign == 0.5


def test_evidence_counts_where_there_is_something_to_prove() -> None:
    outcomes = [
        Outcome("monitor", "monitor", cited_ok=True, reward=1.05, evidence=0.5),
        Outcome("monitor", None, cited_ok=False, reward=-1.0, evidence=0.0),
        Outcome("dismiss", "dismiss", cited_ok=False, reward=1.0, evidence=None),
    ]

    assert score(outcomes, "x").evidence_f1 == 0.25


def pair(name: str, first: Action, second: Action) -> list[Outcome]:
    """A flip pair that deserves monitor and escalate."""
    return [
        Outcome(truth, answer, cited_ok=False, reward=0.0, pair=name)
        for truth, answer in (("monitor", first), ("escalate", second))
    ]


def test_a_right_action_counts_as_proved_only_with_its_proof() -> None:
    outcomes = [
        Outcome(truth, answer, cited_ok=False, reward=0.0, proved=proved)
        for truth, answer, proved in (
            ("monitor", "monitor", True),
            ("monitor", "monitor", False),
            ("monitor", "dismiss", True),
            ("dismiss", "dismiss", True),
        )
    ]

    assert score(outcomes, "test").gated == 0.5


def test_a_pair_counts_only_if_both_members_are_right() -> None:
    outcomes = [
        *pair("a", "monitor", "escalate"),
        *pair("b", "monitor", "monitor"),
        *pair("c", "escalate", "monitor"),
        outcome("monitor", "monitor"),
    ]

    assert score(outcomes, "x").pair_accuracy == pytest.approx(1 / 3)


def test_the_members_of_a_pair_are_drawn_together() -> None:
    outcomes = [o for n in range(30) for o in pair(f"p{n}", "monitor", "monitor")]

    accuracy = score(outcomes, "x").accuracy

    assert (accuracy, accuracy.low, accuracy.high) == (0.5, 0.5, 0.5)


def test_the_worst_category_is_one_that_has_enough_incidents() -> None:
    outcomes = [
        Outcome("monitor", answer, cited_ok=False, reward=0.0, category=category)
        for category, answers in {
            "good": ["monitor"] * 9 + ["dismiss"],
            "bad": ["monitor"] * 2 + ["dismiss"] * 8,
            "tiny": ["dismiss"],
        }.items()
        for answer in answers
    ]
    found = score(outcomes, "x")

    assert found.worst_category == 0.2
    assert found.by_category == {"bad": 0.2, "good": 0.9, "tiny": 0.0}


def test_a_score_of_pairs_and_categories_can_be_written_as_json() -> None:
    found = score(pair("a", "monitor", "monitor"), "x").to_json()

    assert json.loads(json.dumps(found))["pair_accuracy"]["value"] == 0
    assert found["worst_category"]["value"] is None


def test_rate_survives_pickling() -> None:
    rate = pickle.loads(pickle.dumps(Rate(0.5, 0.4, 0.6)))  # noqa: S301 - our own bytes

    assert (rate, rate.low, rate.high) == (0.5, 0.4, 0.6)


def test_intervals_of_two_hundred_outcomes_take_well_under_a_second() -> None:
    begin = time.process_time()
    score(holdout("monitor"), "x")

    assert time.process_time() - begin < 0.7
