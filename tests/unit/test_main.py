from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

pytest.importorskip("benchmarks", reason="the benchmarks are part of a checkout")

from benchmarks.startup import OPENSOC, RECORD
from opensoc_cli.main import VERBS, cli

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = ("rich", "pydantic", "yaml", "lark", "jsonschema", "torch", "streamlit")


def test_help_names_every_verb_with_what_it_does() -> None:
    result = CliRunner().invoke(cli, ["--help"])
    shown = [line.split(maxsplit=1) for line in result.stdout.splitlines() if line]

    assert result.exit_code == 0
    for name, (_, text) in VERBS.items():
        assert [name, text] in shown


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_has_the_help_that_stands_beside_its_name(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])

    assert result.exit_code == 0
    assert " ".join(result.stdout.split()).startswith(f"Usage: root {name}")
    assert VERBS[name][1] in " ".join(result.stdout.split())


def test_verbs_of_a_verb_are_listed() -> None:
    result = CliRunner().invoke(cli, ["generate", "--help"])

    assert "incidents" in result.stdout
    assert "datasets" in result.stdout


def test_a_misspelt_verb_gets_the_nearest_one() -> None:
    result = CliRunner().invoke(cli, ["chek"])

    assert result.exit_code == 2
    assert "Did you mean 'check'?" in result.stderr


def test_no_verb_at_all_is_a_question_for_help() -> None:
    result = CliRunner().invoke(cli, [])

    assert result.exit_code == 2
    assert "Commands:" in result.output


def test_help_imports_no_verb_and_no_heavy_library() -> None:
    result = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "opensoc_cli.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}

    assert "typer" in names
    assert not names & {f"opensoc_cli.{module}" for module, _ in VERBS.values()}
    assert not names & set(HEAVY)


def test_a_fault_of_our_own_exits_with_two() -> None:
    code = (
        "from opensoc_cli import explain_code, main\n"
        "def run(): raise ValueError('odd')\n"
        "explain_code.run = run\n"
        "import sys; sys.argv = ['opensoc', 'explain-code']\n"
        "main.main()\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "internal error: ValueError: odd" in result.stderr


def test_labelling_a_file_from_the_cache_imports_no_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENSOC_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "records.jsonl"
    file.write_text(json.dumps({"incident_id": "one", "events": [RECORD]}))
    command = [sys.executable, "-X", "importtime", *OPENSOC[1:], "label", str(file)]
    for _ in range(2):
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}

    assert "opensoc_env.judge" in names
    assert not names & {"yaml", "lark", "jsonschema", "rich"}
