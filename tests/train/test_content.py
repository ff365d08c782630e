"""The page that shows what rules and data sets hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from opensoc_cli.generate import app
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.telemetry.agreement import Agreement
from opensoc_env.telemetry.alarms import Alarms
from opensoc_train.content import (
    render_incidents,
    render_shortcuts,
    render_splits,
    render_telemetry,
)
from opensoc_train.data import DataSet, find_data, load_data
from opensoc_train.scoreboard import scoreboards

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_env.judge import Judge

pytest.importorskip("sklearn", reason="shortcuts need the train extra")


@pytest.fixture(scope="module")
def holdout(judge: Judge) -> DataSet:
    return load_data(find_data("holdout"), judge)


def cells(text: str, first: str) -> list[str]:
    """The cells of the table row that begins with a name."""
    (line,) = [x for x in text.splitlines() if x.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_the_table_counts_every_row_once() -> None:
    rows = read_rows(HOLDOUT)
    text = render_splits({"holdout": rows, "half": rows[:100]})

    assert sum(map(int, cells(text, "all")[1].split())) == 200
    assert sum(map(int, cells(text, "all")[2].split())) == 100


def test_the_scoreboard_has_every_shortcut_and_the_oracle(
    judge: Judge, holdout: DataSet
) -> None:
    few = DataSet("few.jsonl", "", "", (), holdout.examples[:20])
    text = render_shortcuts(scoreboards(few, [few], judge), [])

    assert cells(text, "`verifier_oracle`")[1] == "1.00 (1.00-1.00)"
    assert cells(text, "`tree_on_all`")[2] == "n/a"
    assert "few, macro-F1" in text


def test_one_incident_of_each_action_is_shown_with_what_is_right(
    holdout: DataSet,
) -> None:
    text = render_incidents(holdout)

    assert text.count("### holdout-") == 5
    for action in ("dismiss", "monitor", "quarantine_host", "block_ip", "escalate"):
        assert text.count(f"Right is **{action}**.") == 1
    assert "narrative" not in text


def test_what_was_not_recorded_has_no_share() -> None:
    text = render_telemetry(Agreement(), Alarms())

    assert text.endswith("| all | 0 | 0 | n/a |")


@pytest.mark.slow
def test_the_command_writes_the_page(tmp_path: Path) -> None:
    page, recording = tmp_path / "page.md", tmp_path / "recording.json"
    recording.write_text(json.dumps({"Records": []}))
    command = ["content", "--fresh", "1", "-o", str(page)]
    result = CliRunner().invoke(app, [*command, "--samples", str(recording)])

    assert result.exit_code == 0, result.stderr
    heads = [x for x in page.read_text().splitlines() if x.startswith("## ")]
    assert heads == [
        "## Categories and actions by split",
        "## Shortcuts",
        "## Recorded telemetry",
        "## Five incidents, as a defender sees them",
    ]


def test_a_recording_that_is_not_there_ends_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opensoc_cli.generate._shown_sets", lambda _: ["", ""])
    command = ["content", "--attacks", str(tmp_path / "none.json")]
    result = CliRunner().invoke(app, command)

    assert result.exit_code == 2
    assert "none.json`: No such file" in result.stderr
