from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import explain
from opensoc_cli.explain_text import MAX_LINES, write
from opensoc_engine import data_root
from opensoc_engine.explain import explain as explain_document
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from pathlib import Path

app = typer.Typer()
app.command()(explain.run)
ALL = read_rows(HOLDOUT)
ROWS = ALL[:12]
BLOCKED = next(
    row
    for row in ALL
    if row["truth"]["fired"] == ["data-exfiltration-blocked"]
    and len(row["incident"]["events"]) == 1
)
QUIET = next(row for row in ALL if not row["truth"]["fired"])


Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Explains by a few of the shipped policies."""
    shipped, rules = data_root() / "rules", tmp_path_factory.mktemp("rules")
    for name in ("lists", "fixtures", "plausibility"):
        shutil.copytree(shipped / name, rules / name)
    (rules / "verifier").mkdir()
    for name in ("set", "data-exfiltration", "ransomware"):
        shutil.copy(shipped / "verifier" / f"{name}.yaml", rules / "verifier")

    def call(*arguments: str, stdin: str | None = None) -> tuple[int, str]:
        options = [*arguments, "--rules", str(rules)]
        result = CliRunner().invoke(app, options, input=stdin)
        return result.exit_code, result.output

    return call


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        "".join(f"{json.dumps(row)}\n" for row in (BLOCKED, QUIET, ROWS[1]))
    )
    return path


def test_a_line_of_a_data_set_is_explained(run: Run, rows: Path) -> None:
    code, output = run(f"{rows}:1", "--no-flips")

    assert code == 0
    assert output.startswith("block_ip (matched): one rule fired\n")
    assert "fired: data-exfiltration-blocked (block_ip)" in output
    assert "| large(parts)" in output


def test_a_document_is_read_from_stdin(run: Run) -> None:
    document = json.dumps(QUIET["incident"], indent=2)
    code, output = run("-", "--no-flips", stdin=document)

    assert code == 0
    assert output.startswith("dismiss (defaulted): no rule fired")


def test_plausibility_is_explained_too(run: Run, rows: Path) -> None:
    code, output = run(f"{rows}:1", "--set", "plausibility", "--no-flips")

    assert code == 0
    assert output.startswith("plausible (not matched): no rule fired")


def test_a_flip_is_told_with_its_place_and_the_verdict(run: Run, rows: Path) -> None:
    code, output = run(f"{rows}:1", "--rule", "data-exfiltration-blocked")
    address = BLOCKED["incident"]["events"][0]["fields"]["destination"]["ip"]
    told = f'    - events[0].fields.destination.ip (L1-0): "{address}" -> "'
    line = next(line for line in output.splitlines() if line.startswith(told))

    assert code == 0
    assert line.endswith("  (then dismiss)")


def test_machines_read_every_rule(run: Run, rows: Path) -> None:
    code, output = run(f"{rows}:1", "--format", "json", "--no-flips")
    found = json.loads(output)

    assert code == 0
    assert (found["outcome"], found["answer"]) == ("block_ip", "matched")
    assert [rule["rule"] for rule in found["fired"]] == ["data-exfiltration-blocked"]
    assert all(rule["lines"] for rule in found["others"])


@pytest.mark.parametrize("at", range(12))
def test_the_text_fits_on_a_screen(at: int) -> None:
    policies = default_judge().verifier
    document = normalise_incident(ROWS[at]["incident"])
    found = explain_document(policies, document, normalise_incident, flips=False)

    assert len(write(found, is_whole=False, is_single=False)) <= MAX_LINES
    assert len(write(found, is_whole=True, is_single=False)) > len(found.others)


def test_what_an_attacker_writes_does_not_steer_the_terminal(run: Run) -> None:
    incident: dict[str, Any] = json.loads(json.dumps(ROWS[0]["incident"]))
    incident["events"][0]["fields"]["process"]["name"] = "\x1b[31m\u202eexe.lruc"
    code, output = run("-", "--all", "--no-flips", stdin=json.dumps(incident))

    assert code == 0
    assert "\x1b" not in output
    assert "\u202e" not in output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{rows}", "holds 3 documents"),
        ("{rows}:9", "the file has 3 lines"),
        ("{rows}:0", "the first line of a file is line 1"),
        ("{rows}.gz", "can't be read: No such file"),
    ],
)
def test_a_place_that_holds_no_incident_is_refused(
    run: Run, rows: Path, name: str, message: str
) -> None:
    code, output = run(name.format(rows=rows))

    assert code == 2
    assert message in output


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not JSON"),
        ("[" * 100_000, "nested too deeply"),
        ('{"events": []}', "missing key `context`"),
        ("9" * 5000, "is not JSON"),
    ],
)
def test_a_text_that_is_no_incident_is_refused(
    run: Run, text: str, message: str
) -> None:
    code, output = run("-", stdin=text)

    assert code == 2
    assert message in output


def test_a_misspelt_rule_is_answered_with_the_nearest(run: Run, rows: Path) -> None:
    code, output = run(f"{rows}:1", "--rule", "ransomware-brust")

    assert code == 2
    assert "did you mean `ransomware-burst`?" in output
