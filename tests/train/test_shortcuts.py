"""Shortcuts: each looks where its name says, and none sees the truth."""

from __future__ import annotations

import sys
from dataclasses import replace
from statistics import fmean

import pytest

from opensoc_engine import InputError
from opensoc_env.datasets import FLIPS, HOLDOUT, PLANS, SFT
from opensoc_env.defenders import Defender, TriageItem
from opensoc_env.generator import HOLDOUT_SEEDS
from opensoc_env.judge import Judge
from opensoc_env.log_text import STYLES
from opensoc_env.match import Deal, deal, deal_incident
from opensoc_env.models import ACTIONS, TASKS, TaskName
from opensoc_train import fresh as fresh_seeds
from opensoc_train.data import DataSet, find_data, load_data
from opensoc_train.fresh import PLANS as FRESH_PLANS
from opensoc_train.fresh import fresh, fresh_rounds
from opensoc_train.scoreboard import scoreboards
from opensoc_train.shortcuts import all_counts, shortcuts_of, window_counts

# The committed hold-out has 200 rows, so chance alone moves a shortcut by 0.07.
MAX_MACRO_F1 = 0.47
MAX_FRESH = 0.42
MAX_PAIRS = 0.1


@pytest.fixture(scope="module")
def deals(judge: Judge) -> list[Deal]:
    return [deal(task, 5, at, judge=judge) for at in range(15) for task in TASKS]


@pytest.fixture(scope="module")
def fitted(deals: list[Deal]) -> dict[str, Defender]:
    return {defender.name: defender for defender in shortcuts_of(deals)}


def test_every_shortcut_is_there(fitted: dict[str, Defender]) -> None:
    assert set(fitted) == {
        *(f"always_{action}" for action in ACTIONS),
        "category_prior",
        "severity_prior",
        "event_count_prior",
        "first_line",
        "last_line",
        "longest_line",
        "cite_all",
        "keyword_heuristic",
        "tree_on_window",
        "tree_on_all",
    }


def test_none_but_the_category_prior_needs_the_incident(
    deals: list[Deal], fitted: dict[str, Defender]
) -> None:
    items = [dealt.item for dealt in deals]
    blind = [TriageItem(item.observation, {}) for item in items]

    for name, defender in fitted.items():
        if name != "category_prior":
            assert defender.answer(blind) == defender.answer(items)


def test_lines_are_cited_by_their_place(
    deals: list[Deal], fitted: dict[str, Defender]
) -> None:
    items = [dealt.item for dealt in deals]
    cited = {
        name: [answer.cited_log_ids for answer in fitted[name].answer(items) if answer]
        for name in ("first_line", "last_line", "longest_line", "cite_all")
    }

    for at, item in enumerate(items):
        window = item.observation.log_window
        longest = max(len(line.text) for line in window)
        assert cited["first_line"][at] == [window[0].log_id]
        assert cited["last_line"][at] == [window[-1].log_id]
        assert cited["cite_all"][at] == [line.log_id for line in window]
        assert longest in [
            len(line.text)
            for line in window
            if line.log_id in cited["longest_line"][at]
        ]


def test_a_prior_gives_the_commonest_action_beside_its_fact(
    deals: list[Deal], fitted: dict[str, Defender]
) -> None:
    first = deals[0]
    alike = [d for d in deals if _category(d) == _category(first)]
    right = [d.truth.outcome for d in alike]
    (answer,) = fitted["category_prior"].answer([first.item])

    assert answer is not None
    assert right.count(answer.action) == max(map(right.count, right))


def test_fitting_again_gives_the_same_answers(
    deals: list[Deal], fitted: dict[str, Defender]
) -> None:
    items = [dealt.item for dealt in deals]

    for again in shortcuts_of(deals):
        assert again.answer(items) == fitted[again.name].answer(items)


@pytest.mark.parametrize("style", STYLES)
def test_counts_do_not_depend_on_the_style_of_lines(
    deals: list[Deal], judge: Judge, style: str
) -> None:
    for dealt in deals[:8]:
        incident = dealt.item.incident
        styles = {event["source"]: style for event in incident["events"]}
        other = deal_incident(
            incident, task=dealt.task, episode_id="x", judge=judge, styles=styles
        )
        plain, styled = (
            {k: v for k, v in window_counts(d.item.observation).items() if " " in k}
            for d in (dealt, other)
        )

        assert styled == plain


def test_facts_beside_the_window_are_counted_by_kind(deals: list[Deal]) -> None:
    view = deals[0].item.observation
    counts = all_counts(view)
    kinds = {key: n for key, n in counts.items() if key.startswith("fact ")}

    assert sum(kinds.values()) == len(view.context)
    assert not any(host in key for key in kinds for host in view.alert.hosts)  # type: ignore[union-attr]


def test_nothing_to_fit_to_is_refused() -> None:
    with pytest.raises(InputError, match="labelled alerts"):
        shortcuts_of([])


def test_without_scikit_learn_the_extra_is_named(
    deals: list[Deal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.tree", None)

    with pytest.raises(InputError, match=r"opensoc\[train\]"):
        shortcuts_of(deals[:4])


def test_the_oracle_stands_last_and_is_perfect(data: DataSet, judge: Judge) -> None:
    (board,) = scoreboards(data, [data], judge)

    assert board.scores[-1].name == "verifier_oracle"
    assert board.scores[-1].macro_f1 == 1
    assert board.best.name != "verifier_oracle"


@pytest.mark.slow
def test_no_shortcut_does_well_on_the_committed_sets(judge: Judge) -> None:
    learnt = load_data(find_data("sft"), judge)
    data = [load_data(find_data(plan.name), judge) for plan in (HOLDOUT, FLIPS)]
    holdout, flips = scoreboards(learnt, data, judge)

    assert holdout.best.macro_f1 <= MAX_MACRO_F1
    assert max(score.pair_accuracy for score in flips.scores[:-1]) <= MAX_PAIRS


@pytest.mark.slow
def test_no_shortcut_does_well_on_seeds_that_nobody_has_looked_at(judge: Judge) -> None:
    rounds = list(fresh_rounds(3, judge))

    assert fmean(item.best for item in rounds) <= MAX_FRESH
    assert max(item.pairs for item in rounds) <= MAX_PAIRS


def test_a_fresh_seed_is_that_of_no_plan() -> None:
    made = {fresh(plan, number).seed for plan in FRESH_PLANS for number in range(100)}

    assert len(made) == 300
    assert made.isdisjoint(plan.seed for plan in PLANS)
    assert fresh(SFT, 99).seed < HOLDOUT_SEEDS <= fresh(HOLDOUT, 0).seed


def test_fresh_rounds_score_sets_of_their_own(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    few: dict[TaskName, tuple[int, ...]] = {"stage1_basic": (2, 1, 0, 0, 2)}
    small = tuple(
        replace(plan, quotas=few, each=None, is_complete=False) for plan in FRESH_PLANS
    )
    monkeypatch.setattr(fresh_seeds, "PLANS", small)
    one, other = fresh_rounds(2, judge)

    assert [len(r.holdout.data.examples) for r in (one, other)] == [5, 5]
    assert one.holdout.data.digest != other.holdout.data.digest
    assert 0 <= one.best < 1
    assert one.pairs == max(s.pair_accuracy for s in one.flips.scores[:-1])


def _category(dealt: Deal) -> str:
    return str(dealt.item.incident["category"])
