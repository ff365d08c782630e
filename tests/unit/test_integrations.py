"""The action and the hooks that other repositories use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from opensoc_cli.main import VERBS as COMMANDS
from opensoc_engine import data_root

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
VERBS = set(COMMANDS)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A rubric whose layout and value are wrong."""
    shutil.copytree(data_root() / "rules" / "rubric", tmp_path / "rubric")
    shutil.copytree(data_root() / "rules" / "lists", tmp_path / "lists")
    path = tmp_path / "rubric" / "attacker.v2.yaml"
    text = path.read_text("utf-8").replace("value: 1\n", "value:   0.5\n")
    path.write_text(text, "utf-8")
    return tmp_path


def run_action(rules: Path, tmp_path: Path, verbs: str) -> tuple[int, list[str]]:
    """Run the action's last step as GitHub does; the lines that it writes."""
    command = tmp_path / "opensoc"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m opensoc_cli.main "$@"\n')
    command.chmod(0o755)
    script = ACTION["runs"]["steps"][-1]["run"]
    words = {"OPENSOC": str(command), "RULES": str(rules), "VERBS": verbs}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        env={**os.environ, **words},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines()


def test_the_action_goes_on_after_a_verb_that_found_something(
    rules: Path, tmp_path: Path
) -> None:
    code, lines = run_action(rules, tmp_path, "fmt test")

    assert code == 1
    assert "attacker.v2.yaml,line=14,endLine=14,title=not in canonical" in lines[0]
    assert lines[1].endswith("::value: expected 1.1, got 0.60")
    assert all(line.startswith("::error file=") for line in lines)


def test_the_action_is_quiet_about_rules_that_are_fine(tmp_path: Path) -> None:
    rules = data_root() / "rules" / "rubric"

    assert run_action(rules, tmp_path, "fmt test") == (0, [])


def test_the_action_refuses_another_verb(rules: Path, tmp_path: Path) -> None:
    code, lines = run_action(rules, tmp_path, "train")

    assert (code, lines) == (
        2,
        ["::error::there is no verb train: use check, lint, fmt or test"],
    )


def test_the_action_runs_every_verb_by_default() -> None:
    assert set(ACTION["inputs"]["verbs"]["default"].split()) < VERBS


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_verb_of_its_name(hook: dict[str, str]) -> None:
    program, verb = hook["entry"].split()

    assert program == "opensoc"
    assert verb in VERBS
    assert hook["id"] == f"opensoc-{verb}"
