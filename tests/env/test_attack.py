"""`opensoc attack`: how often attackers win, the same for a seed, and by what."""

from __future__ import annotations

import json
from pathlib import Path

import typer
import yaml
from typer.testing import CliRunner

from opensoc_cli import attack

cli = typer.Typer()
cli.command()(attack.run)
RUNNER = CliRunner()
SMALL = ["--episodes", "8", "--budget", "60", "--seed", "2"]
MANY = ["--defender", "always_escalate", *SMALL]


def test_table_names_attackers_intervals_changes_and_next_step() -> None:
    found = RUNNER.invoke(cli, MANY)

    assert found.exit_code == 0
    for word in ("template ", "search ", "95 %", "taken for escalate", "policies "):
        assert word in found.stdout
    assert "opensoc attack --defender always_escalate --save" in found.stdout


def test_json_holds_shares_with_intervals_and_every_find() -> None:
    told = json.loads(RUNNER.invoke(cli, [*MANY, "--format", "json"]).stdout)

    template, search = (side["beaten"] for side in told["attackers"])
    assert template["low"] <= template["value"] <= template["high"]
    assert search["value"] >= template["value"]
    assert len(told["found"]) == round(8 * search["value"])
    assert all(find["answer"] == "escalate" for find in told["found"])


def test_same_seed_prints_the_same_bytes() -> None:
    assert RUNNER.invoke(cli, MANY).stdout == RUNNER.invoke(cli, MANY).stdout


def test_one_task_is_attacked_alone() -> None:
    arguments = [*MANY, "--task", "stage1_basic", "--format", "json"]
    told = json.loads(RUNNER.invoke(cli, arguments).stdout)

    assert told["tasks"] == ["stage1_basic"]
    assert {find["task"] for find in told["found"]} == {"stage1_basic"}


def test_finds_are_saved_as_one_case_file_for_each_policy(tmp_path: Path) -> None:
    arguments = [*MANY, "--format", "json", "--save", str(tmp_path / "finds")]
    told = json.loads(RUNNER.invoke(cli, arguments).stdout)
    files = {
        path.name: yaml.safe_load(path.read_text("utf-8"))
        for path in (tmp_path / "finds").iterdir()
    }

    assert all(name == f"{file['cases']}.cases.yaml" for name, file in files.items())
    examples = [example for file in files.values() for example in file["examples"]]
    assert len(examples) == len(told["found"])
    assert {e["expect"]["action"] for e in examples} == {
        find["truth"] for find in told["found"]
    }


def test_folder_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    found = RUNNER.invoke(cli, [*MANY, "--save", str(taken)])

    assert found.exit_code == 2
    assert f"opensoc: {taken}" in found.stderr


def test_unknown_defender_ends_with_two_and_the_known_names() -> None:
    found = RUNNER.invoke(cli, ["--defender", "genius"])

    assert found.exit_code == 2
    assert "keyword_heuristic" in found.stderr


def test_unknown_task_ends_with_two_and_the_known_names() -> None:
    found = RUNNER.invoke(cli, ["--task", "stage9"])

    assert found.exit_code == 2
    assert "stage4_adversarial" in found.stderr
