"""Built-in defenders: each does what its name says, from what it may see alone."""

from __future__ import annotations

import pytest

from opensoc_engine import InputError
from opensoc_env.defenders import BASELINES, TriageItem, make_defender
from opensoc_env.judge import default_judge, first_way
from opensoc_env.match import deal
from opensoc_env.models import ACTIONS, TASKS, LogLine

DEALS = [deal(task, 5, at, judge=default_judge()) for at in range(4) for task in TASKS]
ITEMS = [dealt.item for dealt in DEALS]


def item(*texts: str) -> TriageItem:
    """An alert with the given log texts."""
    window = [
        LogLine(
            log_id=f"L1-{at}",
            timestamp="2026-03-02T09:15:00Z",
            source="edr",
            event_type="process.start",
            text=text,
        )
        for at, text in enumerate(texts)
    ]
    view = ITEMS[0].observation.model_copy(update={"log_window": window})
    return TriageItem(view, {})


@pytest.mark.parametrize("action", ACTIONS)
def test_constant_defender_always_gives_its_action(action: str) -> None:
    answers = make_defender(f"always_{action}").answer(ITEMS)

    assert {answer.action for answer in answers if answer} == {action}


def test_oracle_gives_the_truth_and_its_proof() -> None:
    answers = make_defender("verifier_oracle").answer(ITEMS)

    for dealt, answer in zip(DEALS, answers, strict=True):
        assert answer is not None
        assert answer.action == dealt.truth.outcome
        assert tuple(answer.cited_log_ids) == first_way(dealt.truth)


def test_only_the_oracle_needs_the_incident() -> None:
    blind = [TriageItem(found.observation, {}) for found in ITEMS]

    for name in BASELINES:
        if name != "verifier_oracle":
            assert make_defender(name).answer(blind) == make_defender(name).answer(
                ITEMS
            )


def test_answers_do_not_depend_on_order_or_batches() -> None:
    for name in BASELINES:
        defender = make_defender(name)
        single = [defender.answer([found])[0] for found in reversed(ITEMS)]

        assert defender.answer(ITEMS) == single[::-1]


def test_keywords_take_the_strongest_and_cite_its_line() -> None:
    answers = make_defender("keyword_heuristic").answer(
        [item("process.name=certutil.exe", "target_process.name=LSASS.exe")]
    )

    assert answers[0] is not None
    assert (answers[0].action, answers[0].cited_log_id) == ("quarantine_host", "L1-1")


def test_keywords_dismiss_what_holds_none() -> None:
    answers = make_defender("keyword_heuristic").answer(
        [item("process.name=excel.exe")]
    )

    assert answers[0] is not None
    assert (answers[0].action, answers[0].cited_log_id) == ("dismiss", "")


def test_random_defender_cites_a_line_of_the_window() -> None:
    for found, answer in zip(ITEMS, make_defender("random").answer(ITEMS), strict=True):
        ids = {line.log_id for line in found.observation.log_window}

        assert answer is not None
        assert answer.cited_log_id in ids


def test_unknown_defender_is_refused_with_the_known_names() -> None:
    with pytest.raises(InputError, match="verifier_oracle"):
        make_defender("genius")
