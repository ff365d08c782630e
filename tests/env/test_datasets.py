from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opensoc_cli.generate import app
from opensoc_env import datasets
from opensoc_env.datasets import (
    HOLDOUT,
    PLANS,
    SFT,
    Plan,
    leaks_between,
    read_rows,
    render,
    select,
)
from opensoc_env.generator import HOLDOUT_SEEDS, generate
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, TASKS

SMALL = tuple(
    Plan(name, seed, dict.fromkeys(TASKS, (1, 1, 0, 0, 1)), (9,) * 5)
    for name, seed in (("holdout", 1), ("sft", 2))
)
STALE = "run `opensoc generate datasets`: the rules or scenarios have changed"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "PLANS", SMALL)


def test_a_selection_meets_its_quotas_each_time() -> None:
    rows = select(SMALL[0])
    found = Counter((row["task"], row["truth"]["action"]) for row in rows)

    assert rows == select(SMALL[0])
    assert found == {
        (task, action): 1 for task in TASKS for action in (*ACTIONS[:2], ACTIONS[4])
    }


def test_the_plans_have_the_sizes_that_were_asked_for() -> None:
    dismissed = sum(quota[0] for quota in HOLDOUT.quotas.values())

    assert (HOLDOUT.size, dismissed, SFT.size) == (200, 26, 600)


def test_the_plans_use_seeds_of_their_own() -> None:
    assert HOLDOUT.seed >= HOLDOUT_SEEDS > SFT.seed


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_committed_rows_are_what_was_planned(plan: Plan) -> None:
    rows = read_rows(plan)
    found = Counter((row["task"], row["truth"]["action"]) for row in rows)

    assert found == {
        (task, action): count
        for task, quota in plan.quotas.items()
        for action, count in zip(ACTIONS, quota, strict=True)
    }
    assert len({row["incident"]["category"] for row in rows}) >= 12


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_committed_rows_come_from_the_generator_and_the_judge(plan: Plan) -> None:
    judge = default_judge()
    for row in read_rows(plan)[::20]:
        place = (row["task"], row["seed"], row["index"])

        assert row["digest"] == judge.digest, STALE
        assert row["incident"] == generate(*place, judge=judge), STALE


def test_no_committed_hold_out_row_is_in_the_training_set() -> None:
    assert leaks_between(read_rows(HOLDOUT), read_rows(SFT)).same == 0


def test_a_leak_is_found_under_other_names_and_times() -> None:
    rows = select(SMALL[0])
    others = copy.deepcopy(rows[:2])
    for row in others:
        row["incident"]["incident_id"] = "other"
        for event in row["incident"]["events"]:
            event |= {"log_id": f"X{event['log_id']}", "timestamp": "2020-01-01"}

    assert leaks_between(rows, others).same == 2


def test_rendering_is_one_compact_sorted_line_a_row() -> None:
    assert render([{"b": 1, "a": [2]}]) == '{"a":[2],"b":1}\n'


def test_datasets_are_written_and_then_up_to_date(small: None, tmp_path: Path) -> None:
    runner = CliRunner()
    written = runner.invoke(app, ["datasets", "--out", str(tmp_path)])
    checked = runner.invoke(app, ["datasets", "--out", str(tmp_path), "--check"])

    assert (written.exit_code, checked.exit_code) == (0, 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["holdout.jsonl", "sft.jsonl"]


def test_a_stale_data_set_is_found_and_left_alone(small: None, tmp_path: Path) -> None:
    (tmp_path / "sft.jsonl").write_text("old\n")
    result = CliRunner().invoke(app, ["datasets", "--out", str(tmp_path), "--check"])

    assert result.exit_code == 1
    assert "sft.jsonl differs from what the generator gives" in result.output
    assert (tmp_path / "sft.jsonl").read_text() == "old\n"


def test_incidents_are_written_as_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    arguments = ["incidents", "--task", "stage2_multi", "--seed", "7", "--count", "3"]
    result = CliRunner().invoke(app, [*arguments, "-o", str(path)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]

    assert result.exit_code == 0
    assert lines == [generate("stage2_multi", 7, index) for index in range(3)]


def test_an_unknown_task_ends_the_command_with_advice() -> None:
    result = CliRunner().invoke(app, ["incidents", "--task", "stage9"])

    assert result.exit_code == 2
    assert "no task `stage9`" in result.output


def test_a_place_that_can_not_be_written_ends_the_command(tmp_path: Path) -> None:
    arguments = ["incidents", "--task", "stage1_basic", "-o", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 2
    assert "can't write" in result.output
