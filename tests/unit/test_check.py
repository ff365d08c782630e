from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opensoc_cli.main import cli
from opensoc_engine import data_root

if TYPE_CHECKING:
    from pathlib import Path

RULES = data_root() / "rules"


@pytest.fixture
def rubric(tmp_path: Path) -> Path:
    """A copy of the rubric set that a test may break."""
    shutil.copytree(RULES / "rubric", tmp_path / "rubric")
    shutil.copytree(RULES / "lists", tmp_path / "lists")
    return tmp_path / "rubric"


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_the_shipped_rules_are_clean() -> None:
    result = CliRunner().invoke(cli, ["check", str(RULES)])

    assert result.exit_code == 0, result.output
    assert "no problems" in result.output


def test_the_shipped_cases_pass() -> None:
    result = CliRunner().invoke(cli, ["test", str(RULES)])

    assert result.exit_code == 0, result.output
    assert " 0 failed" in result.output


def test_a_broken_rule_is_shown_at_its_place(rubric: Path) -> None:
    edit(rubric / "defender.v2.yaml", "input.truth.action", "input.truth.acton")
    result = CliRunner().invoke(cli, ["check", str(rubric)])

    assert result.exit_code == 1
    assert "error[E301]: unknown field `acton`" in result.output
    assert "did you mean `action`?" in result.output
    assert "defender.v2.yaml:" in result.output


def test_findings_can_be_read_by_machines(rubric: Path) -> None:
    edit(rubric / "defender.v2.yaml", "status: test", "status: tested")
    result = CliRunner().invoke(cli, ["check", str(rubric), "--format", "json"])

    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert [item["code"] for item in found] == ["E204"]


def test_a_failed_case_shows_both_values(rubric: Path) -> None:
    edit(
        rubric / "defender.v2.yaml",
        "value: -1\n    when: |\n      not",
        "value: -2\n    when: |\n      not",
    )
    result = CliRunner().invoke(cli, ["test", str(rubric)])

    assert result.exit_code == 1
    assert "expected: -1" in result.output
    assert "actual:   -2" in result.output


@pytest.mark.parametrize("verb", ["check", "test"])
def test_a_folder_without_policies_is_unusable(verb: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, [verb, str(tmp_path)])

    assert result.exit_code == 2
    assert "no policy set" in result.output
