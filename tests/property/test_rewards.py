"""The reward's laws, over every combination of truth and answer."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import data_root, load_policy_set

if TYPE_CHECKING:
    from opensoc_engine import PolicySet

ACTIONS = ("dismiss", "monitor", "quarantine_host", "block_ip", "escalate")
RUBRIC = load_policy_set(data_root() / "rules" / "rubric")
CITATIONS = (None, "L1-0", "L1-9")


def reward(rubric: str, truth: str, action: str | None, cited: str | None) -> Decimal:
    response: dict[str, Any] = {"format_valid": action is not None}
    if action is not None:
        response["action"] = action
    if cited is not None:
        response["cited_log_id"] = cited
    evidence = [] if truth == "dismiss" else ["L1-0"]
    document = {"truth": {"action": truth, "evidence": evidence}, "response": response}
    total = RUBRIC.evaluate_policy(document, rubric).total
    assert total is not None
    return Decimal(total)


def bounds(policy_set: PolicySet, rubric: str) -> tuple[Decimal, Decimal]:
    found = {policy.slug.text: policy.bounds for policy in policy_set.policies}[rubric]
    assert found is not None
    return found


@pytest.mark.parametrize("rubric", ["defender.v1", "defender.v2"])
def test_the_reward_stays_in_its_bounds(rubric: str) -> None:
    low, high = bounds(RUBRIC, rubric)
    found = [
        reward(rubric, *case) for case in product(ACTIONS, (*ACTIONS, None), CITATIONS)
    ]

    assert low == min(found)
    assert max(found) == high


@pytest.mark.parametrize("truth", ACTIONS)
def test_the_right_action_is_the_only_best(truth: str) -> None:
    right = min(reward("defender.v2", truth, truth, cited) for cited in CITATIONS)
    wrong = [
        reward("defender.v2", truth, action, cited)
        for action, cited in product(ACTIONS, CITATIONS)
        if action != truth
    ]

    assert right > max(wrong)
    assert max(wrong) < 0


@pytest.mark.parametrize("truth", ACTIONS)
def test_an_unreadable_answer_is_never_better_than_a_readable_one(truth: str) -> None:
    unreadable = reward("defender.v2", truth, None, None)
    readable = [reward("defender.v2", truth, action, None) for action in ACTIONS]

    assert unreadable <= min(readable)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_fixed_answer_loses_when_all_truths_are_equally_likely(action: str) -> None:
    total = sum(reward("defender.v2", truth, action, None) for truth in ACTIONS)

    assert total < 0


def test_v1_pays_a_fixed_answer() -> None:
    total = sum(reward("defender.v1", truth, "escalate", None) for truth in ACTIONS)

    assert total > 0


def test_v1_pays_a_citation_beside_a_wrong_answer() -> None:
    with_proof = reward("defender.v1", "monitor", "dismiss", "L1-0")

    assert with_proof > reward("defender.v1", "monitor", "dismiss", None)


@pytest.mark.parametrize("novelty", [0, Decimal("0.5"), 1])
def test_the_attacker_is_paid_only_for_a_plausible_win(novelty: Decimal) -> None:
    for valid, plausible, correct in product((True, False), repeat=3):
        document = {
            "schema_valid": valid,
            "plausible": plausible,
            "defender_correct": correct,
            "novelty": novelty,
        }
        total = RUBRIC.evaluate_policy(document, "attacker.v2").total
        assert total is not None

        assert (total > 0) == (valid and plausible and not correct)
