from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import label

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

CALL = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "ListBuckets",
    "eventTime": "2024-08-01T13:29:57Z",
    "recipientAccountId": "111122223333",
    "awsRegion": "eu-west-1",
    "readOnly": True,
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = [{"incident_id": name, "events": [CALL]} for name in ("one", "two")]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "day.jsonl").write_text(text, "utf-8")
    return tmp_path


def run(*arguments: object) -> Result:
    app = typer.Typer()
    app.command()(label.run)
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_each_recording_is_one_line_on_stdout(folder: Path) -> None:
    result = run(folder / "day.jsonl")

    first, second = result.stdout.splitlines()
    assert result.exit_code == 0
    assert first.startswith("dismiss ")
    assert "one" in first
    assert "digest " in second


def test_the_summary_counts_on_stderr(folder: Path) -> None:
    result = run(folder)

    assert "cloudtrail" in result.stderr
    assert "verdicts: dismiss 2" in result.stderr
    assert "cloudtrail" not in result.stdout


def test_json_lines_go_to_stdout_or_to_a_file(folder: Path) -> None:
    out = folder / "out" / "labels.jsonl"
    out.parent.mkdir()

    printed = run(folder / "day.jsonl", "--format", "json")
    written = run(folder / "day.jsonl", "-o", out, "--with-events")

    assert [line["action"] for line in json_lines(printed.stdout)] == ["dismiss"] * 2
    lines = json_lines(out.read_text("utf-8"))
    assert lines[0]["raw"][0]["record"] == CALL
    assert written.stdout.startswith("dismiss ")


def test_a_malformed_line_is_told_and_counted_and_the_rest_goes_on(
    folder: Path,
) -> None:
    path = folder / "day.jsonl"
    path.write_text('{"a":\n' + path.read_text("utf-8"), "utf-8")

    result = run(path)

    assert result.exit_code == 1
    assert f"{path}:1: the JSON value does not end" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_a_file_full_of_faults_does_not_flood_the_screen(folder: Path) -> None:
    (folder / "noise.json").write_text("oops\n" * 1000, "utf-8")

    result = run(folder)

    assert result.exit_code == 1
    assert result.stderr.count("not JSON") == 100
    assert "and 900 more faults of this file" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["no-such-file"], "there is no `no-such-file`"),
        (["day.jsonl", "--from", "splunk"], "unknown telemetry `splunk`"),
        (["day.jsonl", "-o", "day.jsonl"], "`day.jsonl` is read and written"),
        (["empty"], "no file to read"),
        (["other.json"], "none of what was read is known telemetry"),
        (["day.jsonl", "-o", "no/such/out"], "can't be written"),
        (["day.jsonl", "--rules", "empty"], "opensoc: "),
    ],
)
def test_what_can_not_be_done_says_why_and_exits_with_2(
    folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], expected: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    (folder / "other.json").write_text('{"a": 1}', "utf-8")

    result = run(*arguments)

    assert result.exit_code == 2
    assert expected in result.stderr
    assert "Traceback" not in result.stderr


def test_only_the_named_telemetry_is_read(folder: Path) -> None:
    result = run(folder / "day.jsonl", "--from", "sysmon")

    assert result.exit_code == 2
    assert "not recognised as sysmon" in result.stderr


def test_a_recorded_name_cannot_steer_the_terminal(folder: Path) -> None:
    line = {"incident_id": "\x1b[31mred\u202e\nfake", "events": [CALL]}
    (folder / "day.jsonl").write_text(json.dumps(line), "utf-8")

    result = run(folder / "day.jsonl")

    assert r"\x1b[31mred\u202e\nfake" in result.stdout
    assert "\x1b" not in result.stdout


def test_a_file_that_can_not_be_opened_is_a_fault(folder: Path) -> None:
    (folder / "gone.json").symlink_to(folder / "nowhere")

    result = run(folder)

    assert result.exit_code == 1
    assert "gone.json: can't be read: No such file" in result.stderr
    assert len(result.stdout.splitlines()) == 2


def test_stdin_is_read_on_request() -> None:
    app = typer.Typer()
    app.command()(label.run)

    result = CliRunner().invoke(app, ["-"], input=json.dumps(CALL))

    assert result.stdout.startswith("dismiss ")
    assert "stdin" in result.stdout


def test_an_output_takes_its_name_only_when_complete(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(label, "_line", fail)
    run(folder / "day.jsonl", "-o", folder / "labels.txt")

    assert [path.name for path in folder.iterdir()] == ["day.jsonl"]


@pytest.fixture
def published(tmp_path: Path) -> Path:
    stop = CALL | {"eventName": "StopLogging"}
    lines = [
        {
            "events": [stop],
            "published_tactics": ["defense-evasion"],
            "published_techniques": ["T1562.008"],
        },
        {"product": "aws", "event": CALL},
    ]
    text = "\n".join(json.dumps(line) for line in lines)
    (tmp_path / "published.jsonl").write_text(text, "utf-8")
    return tmp_path / "published.jsonl"


def test_the_agreement_report_takes_the_place_of_the_verdicts(published: Path) -> None:
    result = run(published, "--report", "agreement")

    rows = {line.split("  ")[0]: line for line in result.stdout.splitlines()}
    assert "1 = 100 %" in rows["cloudtrail"]
    assert "1 = 100 %" in rows["defense-evasion"]
    assert "dismiss" not in result.stdout


def test_the_agreement_report_can_be_json(published: Path) -> None:
    result = run(published, "--report", "agreement", "--format", "json")

    report = json.loads(result.stdout)
    assert report["recordings"][0]["tactic_agrees"] is True


def test_the_alarm_report_counts_what_is_not_called_an_attack(published: Path) -> None:
    result = run(published, "--report", "alarms", "--format", "json")

    (row, total) = json.loads(result.stdout)["products"]
    assert row["product"] == "aws"
    assert total["alarms"]["whole"] == 1


def test_a_report_leaves_the_verdicts_to_the_file(published: Path) -> None:
    out = published.with_name("verdicts.out")

    run(published, "--report", "alarms", "-o", out)

    assert len(out.read_text("utf-8").splitlines()) == 2
