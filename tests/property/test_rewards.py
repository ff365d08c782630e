"""The reward's laws, over every combination of truth, answer and citation."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain, combinations, product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensoc_engine import data_root, load_policy_set

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine import PolicySet

ACTIONS = ("dismiss", "monitor", "quarantine_host", "block_ip", "escalate")
RUBRIC = load_policy_set(data_root() / "rules" / "rubric")
IDS = ("L1-0", "L1-1", "L1-2", "L1-3")
# Two proofs that share a line; what is right to dismiss has none.
WAYS = (("L1-0", "L1-1"), ("L1-1", "L1-2"))
CITATIONS = tuple(chain.from_iterable(combinations(IDS, n) for n in range(5)))
Ways = st.lists(
    st.lists(st.sampled_from(IDS), min_size=1, unique=True), min_size=1, max_size=4
)
Cited = st.lists(st.sampled_from(IDS), unique=True)


def reward(
    rubric: str,
    truth: str,
    action: str | None,
    cited: Sequence[str] = (),
    ways: Sequence[Sequence[str]] = WAYS,
) -> Decimal:
    response: dict[str, Any] = {"format_valid": action is not None}
    if action is not None:
        response |= {"action": action, "cited_log_ids": list(cited)}
    if cited:
        response["cited_log_id"] = cited[0]
    known = [] if truth == "dismiss" else [list(way) for way in ways]
    evidence = list(dict.fromkeys(chain.from_iterable(known)))
    proof = {"action": truth, "evidence": evidence, "ways": known}
    document = {"truth": proof, "response": response}
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
def test_the_right_action_is_the_only_best_whatever_is_cited(truth: str) -> None:
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
    unreadable = reward("defender.v2", truth, None)
    readable = [reward("defender.v2", truth, action) for action in ACTIONS]

    assert unreadable <= min(readable)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_fixed_answer_loses_when_all_truths_are_equally_likely(action: str) -> None:
    total = sum(reward("defender.v2", truth, action) for truth in ACTIONS)

    assert total < 0


@pytest.mark.parametrize("action", ACTIONS[1:])
def test_a_miss_costs_more_than_any_other_wrong_answer(action: str) -> None:
    others = [reward("defender.v2", action, other) for other in ACTIONS[1:]]

    assert reward("defender.v2", action, "dismiss") == -1 < min(others)


@pytest.mark.parametrize("contain", ["quarantine_host", "block_ip"])
def test_the_constants_of_v1_stand_in_the_table_of_v2(contain: str) -> None:
    for rubric in ("defender.v1", "defender.v2"):
        assert reward(rubric, "dismiss", contain) == Decimal("-0.3")
        assert reward(rubric, contain, "dismiss") == -1
        assert reward(rubric, contain, contain) == 1


@given(Ways, Cited)
def test_evidence_beside_a_wrong_action_changes_nothing(
    ways: list[list[str]], cited: list[str]
) -> None:
    for truth, action in product(ACTIONS, ACTIONS):
        if truth != action:
            paid = reward("defender.v2", truth, action, cited, ways)

            assert paid == reward("defender.v2", truth, action)


@given(Ways, Cited)
def test_a_minimal_proof_is_the_best_citation(
    ways: list[list[str]], cited: list[str]
) -> None:
    best = reward("defender.v2", "monitor", "monitor", ways[0], ways)

    assert (
        best
        == Decimal("1.1")
        >= reward("defender.v2", "monitor", "monitor", cited, ways)
    )


@given(Ways, Cited, st.sampled_from(("L9-0", "L9-1")))
def test_a_line_that_proves_nothing_never_pays(
    ways: list[list[str]], cited: list[str], padding: str
) -> None:
    bare = reward("defender.v2", "monitor", "monitor", cited, ways)

    assert reward("defender.v2", "monitor", "monitor", [*cited, padding], ways) <= bare


def test_citing_a_whole_window_earns_less_than_citing_nothing() -> None:
    window = [f"L1-{number}" for number in range(20)]
    paid = reward("defender.v2", "monitor", "monitor", window, [["L1-3"]])

    assert paid < reward("defender.v2", "monitor", "monitor")


def test_the_order_of_citations_does_not_matter() -> None:
    one = reward("defender.v2", "monitor", "monitor", ["L1-0", "L1-3"])

    assert one == reward("defender.v2", "monitor", "monitor", ["L1-3", "L1-0"])


def test_v1_pays_a_fixed_answer() -> None:
    total = sum(reward("defender.v1", truth, "escalate") for truth in ACTIONS)

    assert total > 0


def test_v1_pays_a_citation_beside_a_wrong_answer() -> None:
    with_proof = reward("defender.v1", "monitor", "dismiss", ["L1-0"])

    assert with_proof > reward("defender.v1", "monitor", "dismiss")


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


def test_the_table_in_the_docs_is_the_one_that_grades() -> None:
    text = (data_root() / "docs" / "environment.md").read_text("utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines()]
    shown = {row[0]: row[1:] for row in rows if row[0] in ACTIONS and len(row) == 6}

    assert set(shown) == set(ACTIONS)
    for truth, values in shown.items():
        for action, value in zip(ACTIONS, values, strict=True):
            assert reward("defender.v2", truth, action) == Decimal(value)
