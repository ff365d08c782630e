"""`opensoc play`: a scoreboard on stdout, the same for the same seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer
from small_rules import set_threshold, small_rules
from typer.testing import CliRunner

from opensoc_cli import play
from opensoc_env.judge import Judge, default_judge

if TYPE_CHECKING:
    from pathlib import Path

cli = typer.Typer()
cli.command()(play.run)
RUNNER = CliRunner()


def test_table_names_defenders_rates_digest_and_next_step() -> None:
    found = RUNNER.invoke(cli, ["--episodes", "8", "--seed", "2"])

    assert found.exit_code == 0
    for word in ("verifier_oracle", "macro-F1", "over-react", "policies ", "--seed 3"):
        assert word in found.stdout


def test_json_holds_the_scores_and_nothing_else() -> None:
    arguments = ["--episodes", "8", "--defender", "random", "--format", "json"]

    found = json.loads(RUNNER.invoke(cli, arguments).stdout)

    assert [score["name"] for score in found["scores"]] == ["random"]
    assert set(found["scores"][0]["accuracy"]) == {"value", "low", "high"}


def test_same_seed_prints_the_same_bytes() -> None:
    arguments = ["--episodes", "8", "--seed", "4", "--defender", "all"]

    assert RUNNER.invoke(cli, arguments).stdout == RUNNER.invoke(cli, arguments).stdout


def test_other_rules_judge_and_tell_the_oracle(tmp_path: Path) -> None:
    root = small_rules(tmp_path)
    set_threshold(root, "min_failures", "10", "31")
    arguments = ["--episodes", "40", "--rules", str(root), "--format", "json"]

    found = json.loads(
        RUNNER.invoke(cli, [*arguments, "--defender", "verifier_oracle"]).stdout
    )

    assert found["policy_digest"] == Judge.load(root).digest != default_judge().digest
    assert found["scores"][0]["accuracy"]["value"] == 1.0


def test_rules_that_are_not_there_end_with_two(tmp_path: Path) -> None:
    found = RUNNER.invoke(cli, ["--rules", str(tmp_path)])

    assert found.exit_code == 2
    assert "E606" in found.stderr


def test_unknown_defender_ends_with_two_and_one_line() -> None:
    found = RUNNER.invoke(cli, ["--defender", "genius"])

    assert found.exit_code == 2
    assert found.stderr.startswith("opensoc: there is no defender `genius`")


def test_no_episode_is_a_usage_error() -> None:
    assert RUNNER.invoke(cli, ["--episodes", "0"]).exit_code == 2
