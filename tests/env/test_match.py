"""Matches: the same incidents for all, the documented floors and ceilings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from opensoc_engine import InputError
from opensoc_env.defenders import BASELINES, make_defender
from opensoc_env.match import play

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_env.defenders import TriageItem
    from opensoc_env.models import SubmitTriage

ALL = [make_defender(name) for name in BASELINES]


class Mute:
    """Answers nothing that can be read, and of the last alert not even that."""

    name = "mute"

    def __init__(self, missing: int = 0) -> None:
        self._missing = missing

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        return [None] * (len(items) - self._missing)


def test_match_is_a_pure_function_of_its_arguments() -> None:
    one = play(ALL, episodes=12, seed=3)
    other = play(ALL, episodes=12, seed=3)

    # A rate over nothing is no number, and so never equal to itself.
    assert one.to_json() == other.to_json()
    assert one.outcomes == other.outcomes


def test_oracle_is_the_ceiling_of_every_other_defender() -> None:
    result = play(ALL, episodes=40, seed=1)
    scores = {score.name: score for score in result.scores}
    oracle = scores["verifier_oracle"]

    assert (oracle.accuracy, oracle.macro_f1) == (1.0, 1.0)
    assert (oracle.dismiss_on_malicious, oracle.format_ok) == (0.0, 1.0)
    assert all(oracle.mean_reward >= score.mean_reward for score in result.scores)


def test_no_defender_that_ignores_its_input_earns_as_much_as_nothing() -> None:
    result = play(ALL, episodes=40, seed=1)
    constant = [item for item in result.scores if item.name.startswith("always_")]

    assert len(constant) == 5
    assert all(score.accuracy < 0.6 for score in constant)


def test_always_dismiss_misses_every_malicious_incident() -> None:
    score = play([make_defender("always_dismiss")], episodes=20, seed=1).scores[0]

    assert score.dismiss_on_malicious == 1.0
    assert score.over_react == 0.0


def test_unreadable_answers_are_outcomes_too() -> None:
    score = play([Mute()], episodes=4, seed=1).scores[0]

    assert (score.n, score.format_ok, score.accuracy) == (4, 0.0, 0.0)


def test_defender_that_loses_an_answer_is_refused() -> None:
    with pytest.raises(InputError, match="mute"):
        play([Mute(missing=1)], episodes=4, seed=1)


def test_two_defenders_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="one name"):
        play([Mute(), Mute()], episodes=4, seed=1)


def test_match_without_episodes_is_refused() -> None:
    with pytest.raises(InputError, match="one episode"):
        play([Mute()], episodes=0, seed=1)


def test_progress_ends_at_its_total() -> None:
    steps: list[tuple[int, int]] = []

    play([Mute()], episodes=3, seed=1, progress=lambda n, of: steps.append((n, of)))

    assert steps == [(1, 6), (2, 6), (3, 6), (6, 6)]
