"""Splits: the committed rows by name and index, told without their answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opensoc_engine import InputError
from opensoc_env.datasets import PLANS, read_rows
from opensoc_env.episode import Episode, EpisodeError
from opensoc_env.judge import default_judge
from opensoc_env.match import deal_incident
from opensoc_env.splits import (
    SPLITS,
    split_notes,
    split_row,
    split_size,
    task_spec,
)


def test_splits_are_the_committed_sets_with_all_their_rows() -> None:
    sizes = {plan.name: len(read_rows(plan)) for plan in PLANS}

    assert {split: split_size(split) for split in SPLITS} == sizes
    assert {note["name"]: note["tasks"] for note in split_notes()} == sizes


def test_no_incident_is_in_two_splits() -> None:
    rows = [split_row(s, at) for s in SPLITS for at in range(split_size(s))]
    told = {json.dumps(judged(row["incident"]), sort_keys=True) for row in rows}

    assert len({row["id"] for row in rows}) == len(rows)
    assert len(told) == len(rows)


def judged(incident: dict[str, Any]) -> dict[str, Any]:
    """What the verifier sees of an incident."""
    return {key: incident[key] for key in ("events", "context")}


def test_only_one_split_is_to_learn_from() -> None:
    kinds = {note["name"]: note["type"] for note in split_notes()}

    assert [name for name, kind in kinds.items() if kind == "train"] == ["sft"]


def test_a_task_tells_nothing_that_would_answer_it() -> None:
    assert set(task_spec("holdout", 3)) == {"id", "split", "index", "task"}


@pytest.mark.parametrize("index", [-1, 200])
def test_row_that_is_not_there_names_those_that_are(index: int) -> None:
    with pytest.raises(IndexError, match="rows 0 to 199"):
        task_spec("holdout", index)


def test_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="unseen_format"):
        split_size("secret")


@pytest.mark.parametrize("split", ["holdout", "unseen_format", "flips"])
def test_episode_of_a_row_shows_what_an_evaluation_shows(split: str) -> None:
    row = split_row(split, 5)
    seen = Episode("stage1_basic", "defender_only", 0, 5, split=split).reset()
    evaluated = deal_incident(
        row["incident"],
        task=row["task"],
        episode_id=row["id"],
        judge=default_judge(),
        styles=row.get("styles"),
    ).item.observation

    assert seen.task == row["task"]
    assert (seen.alert, seen.log_window, seen.context) == (
        evaluated.alert,
        evaluated.log_window,
        evaluated.context,
    )


def test_episode_of_a_row_has_a_name_of_its_own() -> None:
    names = {
        Episode("stage1_basic", "defender_only", 0, index, split=split).episode_id
        for split, index in [("holdout", 1), ("holdout", 2), ("sft", 1)]
    }

    assert len(names) == 3
    assert not any(split in name for name in names for split in SPLITS)


def test_episode_of_a_row_that_is_not_there_is_refused() -> None:
    with pytest.raises(EpisodeError) as caught:
        Episode("stage1_basic", "defender_only", 0, 200, split="holdout")

    assert (caught.value.code, caught.value.field) == ("bad_reset", "index")
