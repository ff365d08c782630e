from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from opensoc_cli.generate import app
from opensoc_env import datasets
from opensoc_env.audit import AUDIT_FILE, audit, render_audit
from opensoc_env.datasets import (
    DATA_FOLDER,
    DECOYS,
    EVASIONS,
    FLIPS,
    HOLDOUT,
    PLANS,
    SFT,
    UNSEEN_CATEGORY,
    UNSEEN_ESTATE,
    UNSEEN_FORMAT,
    Plan,
    Row,
    read_rows,
    render,
    select,
    select_all,
)
from opensoc_env.generator import (
    HOLDOUT_SEEDS,
    UNSEEN_CATEGORIES,
    flip_pair,
    generate,
    scope_of,
)
from opensoc_env.injections import inject
from opensoc_env.judge import Judge, default_judge
from opensoc_env.leaks import NEAR, form_of, nearest_of
from opensoc_env.log_text import SEEN_STYLES, UNSEEN_STYLE
from opensoc_env.models import ACTIONS, MAX_EVENTS, TASKS

SMALL = tuple(
    Plan(name, "a test", seed, dict.fromkeys(TASKS, (1, 1, 0, 0, 1)), (9,) * 5)
    for name, seed in (("sft", 2), ("holdout", 1))
)
PAIRS = Plan(
    "flips", "a test", 3, {"stage2_multi": (2,) * 5}, (2,) * 5, each=2, pairs=flip_pair
)
FORMAT = Plan(
    "f", "a test", 4, {"stage1_basic": (1,) * 5}, (5,) * 5, each=2, style="cef"
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


def test_pairs_stand_together_with_one_name_and_one_style() -> None:
    rows = select(PAIRS)

    assert [row["id"] for row in rows] == [
        f"flips-00{n}{m}" for n in "01" for m in "ab"
    ]
    for one, other in zip(rows[::2], rows[1::2], strict=True):
        assert one["pair"] == other["pair"] != ""
        assert one["styles"] == other["styles"]
        assert one["truth"]["action"] != other["truth"]["action"]


def test_the_members_of_a_decoy_pair_have_one_right_action() -> None:
    rows = read_rows(DECOYS)

    for alone, amid in zip(rows[::2], rows[1::2], strict=True):
        assert alone["pair"] == amid["pair"] != ""
        assert alone["truth"]["action"] == amid["truth"]["action"]
        assert len(alone["incident"]["events"]) < len(amid["incident"]["events"])
    assert {row["truth"]["action"] for row in rows} == set(ACTIONS)


def test_a_style_of_the_plan_is_that_of_every_sensor() -> None:
    for row in select(FORMAT):
        sensors = {event["source"] for event in row["incident"]["events"]}

        assert row["styles"] == dict.fromkeys(sensors, "cef")


def test_no_set_takes_what_an_earlier_one_has_but_for_names() -> None:
    again = Plan("again", "a test", SMALL[0].seed, SMALL[0].quotas, SMALL[0].per_pair)
    sets = select_all((SMALL[0], again))
    first, second = ([form_of(r["incident"]) for r in rows] for rows in sets.values())

    assert len(second) == again.size
    assert max(nearest_of(form, first) for form in second) < NEAR


def test_the_plans_have_the_sizes_that_were_asked_for() -> None:
    dismissed = sum(quota[0] for quota in HOLDOUT.quotas.values())

    assert (HOLDOUT.size, dismissed, SFT.size, FLIPS.size) == (200, 26, 600, 200)


def test_the_plans_use_seeds_of_their_own() -> None:
    assert all(plan.seed >= HOLDOUT_SEEDS > SFT.seed for plan in PLANS if plan != SFT)
    assert len({plan.seed for plan in PLANS}) == len(PLANS)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_committed_rows_are_what_was_planned(plan: Plan) -> None:
    rows = read_rows(plan)[:: 2 if plan.pairs else 1]
    found = Counter((row["task"], row["truth"]["action"]) for row in rows)

    assert Counter(row["task"] for row in rows) == {
        task: plan.wanted(task) for task in plan.quotas
    }
    for task, quota in plan.quotas.items():
        for action, most in zip(ACTIONS, quota, strict=True):
            assert found[task, action] <= most
    assert max(len(row["incident"]["events"]) for row in rows) <= MAX_EVENTS


def injected(incident: Row, row: Row, judge: Judge) -> Row:
    """The incident with the sentence that a row says is in it."""
    made = inject(incident, f"{row['task']}-{row['index']}", judge)
    assert made is not None
    assert row["injection"] == made.label
    return made.incident


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_committed_rows_come_from_the_generator_and_the_judge(plan: Plan) -> None:
    judge, scope = default_judge(), plan.scope or scope_of(plan.seed)
    for row in read_rows(plan)[::20]:
        place = (row["task"], row["seed"], row["index"])
        made = (
            plan.pairs(*place, judge=judge).first
            if plan.pairs
            else generate(*place, judge=judge, scope=scope)
        )
        if plan.injected:
            made = injected(made, row, judge)

        assert row["digest"] == judge.digest, STALE
        assert row["incident"] == made, STALE


def test_the_hold_out_has_every_action_and_every_category() -> None:
    rows = read_rows(HOLDOUT)
    wanted = {row["incident"]["category"] for row in read_rows(SFT)} | UNSEEN_CATEGORIES

    assert {row["truth"]["action"] for row in rows} == set(ACTIONS)
    assert {row["incident"]["category"] for row in rows} >= wanted


def test_what_is_kept_unseen_is_in_no_row_to_learn_from() -> None:
    learnt = read_rows(SFT)
    names = {u["name"] for r in learnt for u in r["incident"]["context"]["users"]}
    others = read_rows(UNSEEN_ESTATE)
    staff = {
        user["name"]
        for row in others
        for user in row["incident"]["context"]["users"]
        if user["roles"] != ["service"]
    }

    assert {r["incident"]["category"] for r in read_rows(UNSEEN_CATEGORY)} == (
        UNSEEN_CATEGORIES
    )
    assert not {r["incident"]["category"] for r in learnt} & UNSEEN_CATEGORIES
    assert {s for r in read_rows(UNSEEN_FORMAT) for s in r["styles"].values()} == {
        UNSEEN_STYLE
    }
    assert UNSEEN_STYLE not in SEEN_STYLES
    assert not staff & names


def test_evasions_are_caught_in_part_and_slip_in_part() -> None:
    actions = {row["truth"]["action"] for row in read_rows(EVASIONS)}

    assert {"dismiss", "quarantine_host"} <= actions


def test_nothing_of_a_committed_set_is_in_another_and_the_table_says_so() -> None:
    lines = audit({plan.name: read_rows(plan) for plan in PLANS})

    assert all(line.is_clean for line in lines)
    assert render_audit(lines) == (DATA_FOLDER / AUDIT_FILE).read_text("utf-8"), STALE


def test_an_audit_counts_what_two_sets_share() -> None:
    rows = select(SMALL[0])
    sft, holdout = audit({"sft": rows, "holdout": rows[:3]})

    assert (sft.elsewhere, holdout.elsewhere) == (3, 3)
    assert (holdout.shared.same, holdout.shared.near, holdout.shared.middle) == (
        3,
        3,
        1,
    )
    assert not holdout.is_clean


def test_rendering_is_one_compact_sorted_line_a_row() -> None:
    assert render([{"b": 1, "a": [2]}]) == '{"a":[2],"b":1}\n'


def test_datasets_are_written_and_then_up_to_date(small: None, tmp_path: Path) -> None:
    runner = CliRunner()
    written = runner.invoke(app, ["datasets", "--out", str(tmp_path)])
    checked = runner.invoke(app, ["datasets", "--out", str(tmp_path), "--check"])

    assert (written.exit_code, checked.exit_code) == (0, 0)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "README.md",
        "holdout.jsonl",
        "sft.jsonl",
    ]


def test_the_audit_command_prints_the_table(small: None, tmp_path: Path) -> None:
    runner = CliRunner()
    runner.invoke(app, ["datasets", "--out", str(tmp_path)])
    clean = runner.invoke(app, ["audit", "--data", str(tmp_path)])
    (tmp_path / "holdout.jsonl").write_bytes((tmp_path / "sft.jsonl").read_bytes())
    leaking = runner.invoke(app, ["audit", "--data", str(tmp_path)])

    assert clean.exit_code == 0
    assert clean.stdout == (tmp_path / "README.md").read_text("utf-8")
    assert leaking.exit_code == 1


def test_an_audit_of_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["audit", "--data", str(tmp_path)])

    assert result.exit_code == 2
    assert "opensoc generate datasets" in result.output


def test_recordings_become_rows_that_the_rules_label(tmp_path: Path) -> None:
    call = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "ListBuckets",
        "eventTime": "2024-08-01T13:29:57Z",
        "recipientAccountId": "111122223333",
        "awsRegion": "eu-west-1",
        "readOnly": True,
        "userIdentity": {"type": "IAMUser", "userName": "ana"},
    }
    source, out = tmp_path / "calls.jsonl", tmp_path / "rows.jsonl"
    source.write_text(json.dumps(call) + "\n")
    arguments = ["recordings", str(source), "-o", str(out)]
    result = CliRunner().invoke(app, arguments)
    rows = [json.loads(line) for line in out.read_text().splitlines()]

    assert result.exit_code == 0
    assert len(rows) == 1
    assert rows[0]["truth"]["action"] == "dismiss"
    assert rows[0]["incident"]["events"][0]["event_type"] == "cloud.api"


def test_recordings_that_are_not_there_end_the_command(tmp_path: Path) -> None:
    arguments = ["recordings", str(tmp_path / "gone"), "-o", str(tmp_path / "x")]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 2
    assert "gone" in result.output


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
