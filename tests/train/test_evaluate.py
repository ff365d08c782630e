from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import eval as eval_verb
from opensoc_engine.errors import InputError
from opensoc_env.defenders import make_defender
from opensoc_env.judge import Judge
from opensoc_train.data import DataSet
from opensoc_train.evaluate import AnswerRow, evaluate, load_answers
from opensoc_train.replies import ModelDefender, SpokenDefender

app = typer.Typer()
app.command()(eval_verb.run)


class Parrot:
    """A model that always says the same."""

    name = "parrot"

    def __init__(self, text: str) -> None:
        self.text = text

    def complete(self, chats: object) -> list[str]:
        assert isinstance(chats, list)
        return [self.text for _ in chats]


def test_the_oracle_is_perfect_and_unreadable_words_are_the_floor(
    data: DataSet, judge: Judge
) -> None:
    oracle = SpokenDefender(make_defender("verifier_oracle"))
    best = evaluate(oracle, data, judge).score
    worst = evaluate(ModelDefender(Parrot("I can't say.")), data, judge).score

    assert (best.accuracy, best.citation) == (1, 1)
    assert (worst.format_ok, worst.mean_reward) == (0, -1)


def test_saved_answers_score_as_they_did(
    data: DataSet, judge: Judge, tmp_path: Path
) -> None:
    rows: list[AnswerRow] = []
    keyword = SpokenDefender(make_defender("keyword_heuristic"))
    first = evaluate(keyword, data, judge, keep=rows.append).score
    path = tmp_path / "answers.jsonl"
    path.write_text("\n".join(json.dumps(row.to_json()) for row in rows), "utf-8")

    again = evaluate(load_answers(path), data, judge).score

    assert {**again.to_json(), "name": ""} == {**first.to_json(), "name": ""}


def test_an_alert_without_a_saved_answer_counts_as_unreadable(
    data: DataSet, judge: Judge, tmp_path: Path
) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text('{"id": "nobody", "text": "{}"}\n', "utf-8")

    assert evaluate(load_answers(path), data, judge).score.format_ok == 0


@pytest.mark.parametrize("line", ["{", "[]", '{"id": "a"}', '{"id": 1, "text": ""}'])
def test_a_bad_line_of_answers_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_text(line, "utf-8")

    with pytest.raises(InputError, match=r"answers\.jsonl:1: "):
        load_answers(path)


def test_a_replier_that_skips_an_alert_is_refused(data: DataSet, judge: Judge) -> None:
    class Lazy(Parrot):
        def complete(self, chats: object) -> list[str]:
            return super().complete(chats)[1:]

    with pytest.raises(InputError, match="gave 7 replies to 8 alerts"):
        evaluate(ModelDefender(Lazy("{}")), data, judge)


def test_the_verb_prints_the_score_and_both_digests(data_file: Path) -> None:
    result = CliRunner().invoke(app, ["always_monitor", "--data", str(data_file)])

    assert result.exit_code == 0
    assert "dismiss-on-malicious" in result.stdout
    assert "95 % interval" in result.stdout
    assert "policies " in result.stdout
    assert "truth \\ answer" in result.stdout


def test_the_verb_writes_one_row_an_incident_and_never_over_a_file(
    data_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    command = ["verifier_oracle", "--data", str(data_file), "-o", str(out)]
    first = CliRunner().invoke(app, [*command, "--format", "json"])
    second = CliRunner().invoke(app, command)
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()]

    assert json.loads(first.stdout)["score"]["accuracy"]["value"] == 1
    assert len(rows) == 4
    assert {"id", "text", "action", "cited_log_ids", "reward"} <= set(rows[0])
    assert second.exit_code == 2
    assert "already" in second.stderr


def test_a_committed_set_is_found_by_its_name() -> None:
    result = CliRunner().invoke(app, ["always_monitor", "--data", "flips"])

    assert result.exit_code == 0
    assert "200 incidents of flips.jsonl" in result.stdout
    assert "both of a pair" in result.stdout


def test_shortcuts_are_written_beside_the_oracle(data_file: Path) -> None:
    command = ["--shortcuts", "--data", str(data_file)]
    text = CliRunner().invoke(app, command)
    plain = CliRunner().invoke(app, [*command, "--format", "json"])
    (board,) = json.loads(plain.stdout)
    scores = {score["name"]: score for score in board["scores"]}

    assert "best shortcut: " in text.stdout
    assert "tree_on_window" in text.stdout
    assert scores["verifier_oracle"]["macro_f1"]["value"] == 1
    assert len(scores) == 16


def test_labels_by_other_policies_are_warned_about(data_file: Path) -> None:
    text = data_file.read_text("utf-8")
    digest = json.loads(text.splitlines()[0])["digest"]
    data_file.write_text(text.replace(digest, "0" * 64), "utf-8")
    result = CliRunner().invoke(app, ["random", "--data", str(data_file)])

    assert result.exit_code == 0
    assert "labels were by other policies" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nobody to evaluate"),
        (["gpt"], "no built-in defender"),
        (["random", "--adapter", "x"], "`--adapter` needs one"),
        (["--endpoint", "http://127.0.0.1:9"], "--model"),
        (["--endpoint", "nonsense", "--model", "m"], "is no address"),
        (["random", "--rubric", "defender.v9"], "defender.v9"),
        (["random", "--data", "gone.jsonl"], "gone.jsonl"),
        (["random", "--data", "flips", "--data", "sft"], "one data set"),
        (["random", "--shortcuts"], "leave the defender out"),
    ],
)
def test_a_wrong_command_is_told_what_to_do(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
