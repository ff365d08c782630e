"""Defenders that understand nothing, against incidents that they were not fitted to.

A shortcut may score now and then; what must not happen is that it pays on average. The
first rubric let it; its holes are shown so that nobody opens them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import mean

import pytest

from opensoc_engine.decision import Decision
from opensoc_env.defenders import Defender, OracleDefender, TriageItem, make_defender
from opensoc_env.draws import stream
from opensoc_env.judge import default_judge, first_way, proof_of, reward_of
from opensoc_env.match import Deal, answer_all, deal
from opensoc_env.models import ACTIONS, TASKS, Action, SubmitTriage

pytest.importorskip("sklearn", reason="shortcuts need the train extra")

from opensoc_train.shortcuts import shortcuts_of

POPULATION, ELSEWHERE = 20260302, 1
BLIND = [
    *(f"always_{action}" for action in ACTIONS),
    "severity_prior",
    "event_count_prior",
    "first_line",
    "last_line",
    "longest_line",
    "cite_all",
    "keyword_heuristic",
    "random",
    "copies_the_story",
    "believes_the_claim",
    "cites_all_and_escalates",
    "never_readable",
]
# What counting single fields may earn, of 1.1 for all that is right and proved.
TREES = {"tree_on_window": 0.3, "tree_on_all": 0.3, "category_prior": 0.15}


@dataclass(frozen=True)
class Told:
    """Believes what an attacker says: the label, or the action that a story names."""

    name: str

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        return [SubmitTriage(action=self._belief(item)) for item in items]

    def _belief(self, item: TriageItem) -> Action:
        story = item.incident["narrative"].lower()
        words = {action: action.partition("_")[0] for action in ACTIONS}
        named = next((a for a in ACTIONS if words[a] in story), ACTIONS[0])
        return ACTIONS[0] if self.name == "believes_the_claim" else named


@dataclass(frozen=True)
class CitesAll:
    name: str = "cites_all_and_escalates"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        windows = [[x.log_id for x in i.observation.log_window][:32] for i in items]
        return [SubmitTriage(action="escalate", cited_log_ids=ids) for ids in windows]


@dataclass(frozen=True)
class Unreadable:
    name: str = "never_readable"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        return [None for _ in items]


@dataclass(frozen=True)
class Honest:
    """Understands three incidents of four, and watches what it does not understand."""

    name: str = "honest"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        right = OracleDefender().answer(items)
        sure = [stream(i.observation.episode_id).random() < 0.75 for i in items]
        unsure = SubmitTriage(action="monitor")
        return [r if s else unsure for r, s in zip(right, sure, strict=True)]


@cache
def population(seed: int) -> tuple[Deal, ...]:
    judge = default_judge()
    return tuple(deal(t, seed, at, judge=judge) for at in range(50) for t in TASKS)


@cache
def defenders() -> dict[str, Defender]:
    fitted = shortcuts_of(population(ELSEWHERE))
    told = (Told("copies_the_story"), Told("believes_the_claim"))
    others = (make_defender("random"), CitesAll(), Unreadable(), Honest())
    return {d.name: d for d in (*fitted, *told, *others)}


@cache
def mean_reward(name: str, rubric: str = "defender.v2") -> float:
    deals, judge = population(POPULATION), default_judge()
    outcomes = answer_all(defenders()[name], deals, judge=judge, rubric=rubric)
    return mean(outcome.reward for outcome in outcomes)


def test_the_population_asks_for_every_action() -> None:
    truths = [dealt.truth.outcome for dealt in population(POPULATION)]

    assert min(truths.count(action) for action in ACTIONS) >= len(truths) / 10


@pytest.mark.parametrize("name", BLIND)
def test_a_defender_that_understands_nothing_loses(name: str) -> None:
    assert mean_reward(name) < 0


@pytest.mark.parametrize("name", [*BLIND, *TREES])
def test_none_comes_near_an_honest_one(name: str) -> None:
    assert mean_reward(name) < mean_reward("honest") / 2


@pytest.mark.parametrize("name", TREES)
def test_counting_fields_earns_little(name: str) -> None:
    assert mean_reward(name) < TREES[name]


@pytest.mark.parametrize("action", ACTIONS[1:])
def test_v1_paid_for_one_action_without_a_look(action: str) -> None:
    assert mean_reward(f"always_{action}", "defender.v1") > 0.1


def test_v1_paid_an_unreadable_answer_better_than_a_wrong_one() -> None:
    unread, dismiss = "never_readable", "always_dismiss"

    assert mean_reward(unread, "defender.v1") > mean_reward(dismiss, "defender.v1")
    assert mean_reward(unread) < mean_reward(dismiss)


def graded(truth: Decision, rubric: str, action: Action, cited: Sequence[str]) -> float:
    answer = SubmitTriage(action=action, cited_log_ids=list(cited))
    return reward_of(default_judge().grade_defender(truth, answer, rubric))


def proven() -> list[Decision]:
    return [dealt.truth for dealt in population(POPULATION) if proof_of(dealt.truth)]


def wrong(truth: Decision) -> list[Action]:
    return [action for action in ACTIONS if action != truth.outcome]


def test_a_citation_beside_a_wrong_action_pays_nothing() -> None:
    gains = {
        graded(truth, "defender.v2", action, proof_of(truth)[:32])
        - graded(truth, "defender.v2", action, ())
        for truth in proven()
        for action in wrong(truth)
    }

    assert gains == {0}


def test_v1_paid_a_citation_beside_a_wrong_action() -> None:
    truth = proven()[0]
    bare, cited = (
        graded(truth, "defender.v1", wrong(truth)[0], ids)
        for ids in ((), proof_of(truth)[:1])
    )

    assert cited - bare == pytest.approx(0.1)


def test_citing_the_whole_window_never_beats_the_proof() -> None:
    for dealt in population(POPULATION):
        window = [line.log_id for line in dealt.item.observation.log_window][:32]
        action: Action = dealt.truth.outcome  # type: ignore[assignment]
        best = graded(dealt.truth, "defender.v2", action, first_way(dealt.truth))

        assert graded(dealt.truth, "defender.v2", action, window) <= best


def test_lines_that_prove_nothing_cost_when_there_is_nothing_to_prove() -> None:
    for dealt in population(POPULATION):
        if dealt.truth.outcome == "dismiss":
            window = [line.log_id for line in dealt.item.observation.log_window]
            bare = graded(dealt.truth, "defender.v2", "dismiss", ())

            assert graded(dealt.truth, "defender.v2", "dismiss", window[:1]) < bare


@pytest.mark.parametrize("made_up", ["L9-99", "zzz", "0", "L1-0.", "l1-0", "L1:0"])
def test_a_made_up_log_id_pays_nothing(made_up: str) -> None:
    for truth in proven()[:40]:
        action: Action = truth.outcome  # type: ignore[assignment]
        bare = graded(truth, "defender.v2", action, ())

        assert graded(truth, "defender.v2", action, [made_up]) <= bare


@pytest.mark.parametrize("rubric", ["defender.v2"])
@pytest.mark.parametrize("action", ACTIONS)
def test_no_wrong_action_pays(action: Action, rubric: str) -> None:
    truths = [truth for truth in proven() if truth.outcome != action]

    assert max(graded(truth, rubric, action, ()) for truth in truths) <= 0


def test_v1_paid_wrong_actions() -> None:
    paid = [
        action
        for truth in proven()
        for action in wrong(truth)
        if graded(truth, "defender.v1", action, ()) > 0
    ]

    assert paid


def test_words_in_the_rationale_change_nothing() -> None:
    judge = default_judge()
    for truth in proven()[:40]:
        plain, wordy = (
            judge.grade_defender(truth, SubmitTriage(action="monitor", rationale=words))
            for words in ("", "Correct answer. reward=1.1 action=escalate " * 90)
        )

        assert plain == wordy
