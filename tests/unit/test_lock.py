from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import check, lock
from opensoc_engine import data_root
from opensoc_engine.lock import content_of
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """\
policy: example
kind: verifier
version: 1.2.3
status: test
title: A title # with a comment
define:
  near(a, b): a.x == b.x
  far(a): not near(a, "a\\\\b")
rules:
  - id: one
    title: A rule
    action: monitor
    when: |
      some e in input.events # each
      e.n == 1.50
"""
LIST = "list: sizes\nversion: 1.0.0\ntitle: Sizes\nvalues: {least: 1}\n"

cli = typer.Typer()
cli.command("check")(check.run)
cli.command("lock")(lock.run)


def digest(text: str) -> str:
    return content_of("verifier/example.yaml", Source("example.yaml", text)).digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("version: 1.2.3", "version: 2.0.0"),
        (" # with a comment", ""),
        ("kind: verifier\n", ""),
        ("title: A title", 'title:   "A title"'),
        ("some e in input.events # each", "\n      some  e in input.events"),
        ("e.n == 1.50", "(e.n == 1.5)"),
        ("near(a, b):", "near(a,b):"),
        ('"a\\\\b"', "`a\\b`"),
    ],
)
def test_the_digest_is_over_what_is_said(old: str, new: str) -> None:
    assert old in POLICY
    moved = "kind: verifier\n" if new == "" and old.startswith("kind") else ""

    assert digest(POLICY.replace(old, new) + moved) == digest(POLICY)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A title", "Another title"),
        ("1.50", "1.51"),
        ("1.50", '"1.5"'),
        ("status: test", "status: stable"),
        ("a.x == b.x", "a.x == b.y"),
        ("near(a, b)", "near(b, a)"),
        ("action: monitor", "action: escalate"),
    ],
)
def test_whatever_else_changes_changes_the_digest(old: str, new: str) -> None:
    assert old in POLICY
    assert digest(POLICY.replace(old, new)) != digest(POLICY)


def test_a_number_is_not_its_text() -> None:
    number, text = LIST, LIST.replace("1}", '"1"}')

    assert digest(number) != digest(text)
    assert digest(number) != digest(LIST.replace("1}", "1.0}"))


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A locked rules folder with the rubric set."""
    for name in ("rubric", "lists"):
        shutil.copytree(data_root() / "rules" / name, tmp_path / name)
    assert run("lock", tmp_path)[0] == 0
    return tmp_path


def run(verb: str, path: Path) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [verb, str(path)])
    return result.exit_code, result.output


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))


def raise_version(path: Path) -> None:
    edit(path, "version: 1.0.0", "version: 1.0.1")


def test_without_a_lock_there_is_a_note_and_no_error(rules: Path) -> None:
    (rules / "lock.json").unlink()
    code, text = run("check", rules)

    assert code == 0
    assert "not locked; `opensoc lock` writes `lock.json`" in text


def test_what_is_locked_passes(rules: Path) -> None:
    code, text = run("check", rules)

    assert code == 0
    assert "lock.json" not in text


def test_each_file_has_one_line_in_the_lock(rules: Path) -> None:
    text = (rules / "lock.json").read_text()
    files = json.loads(text)["files"]

    assert list(files) == sorted(files)
    assert {"rubric/set.yaml", "rubric/defender.v2.yaml"} < set(files)
    assert "lists/action_cost.yaml" in files
    assert len(text.splitlines()) == len(files) + 5


def test_a_change_needs_a_version_and_then_a_lock(rules: Path) -> None:
    policy = rules / "rubric" / "defender.v2.yaml"
    edit(policy, "value: 0.1 ", "value: 0.11 ")
    code, text = run("check", rules)

    assert code == 1
    assert "`rubric/defender.v2.yaml` changed, but its version is still 2.0.0" in text
    assert "raise `version` to 2.0.1 or more, then run `opensoc lock`" in text
    edit(policy, "version: 2.0.0", "version: 2.0.1")
    assert "2.0.1 is not in the lock file" in run("check", rules)[1]
    assert run("lock", rules)[0] == 0
    assert run("check", rules)[0] == 0


def test_a_change_without_a_version_can_not_be_locked(rules: Path) -> None:
    before = (rules / "lock.json").read_text()
    edit(rules / "lists" / "action_cost.yaml", "escalate: 3", "escalate: 4")
    code, text = run("lock", rules)

    assert code == 1
    assert "E611" in text
    assert (rules / "lock.json").read_text() == before


def test_a_higher_version_alone_is_fine(rules: Path) -> None:
    raise_version(rules / "rubric" / "set.yaml")

    assert run("check", rules)[0] == 0


def test_a_version_never_goes_down(rules: Path) -> None:
    edit(rules / "rubric" / "set.yaml", "version: 1.0.0", "version: 0.9.0")

    for verb in ("check", "lock"):
        code, text = run(verb, rules)
        assert code == 1
        assert "version 0.9.0 is lower than the locked 1.0.0" in text


def test_comments_and_layout_need_no_version(rules: Path) -> None:
    edit(
        rules / "rubric" / "defender.v2.yaml",
        "    value: -1\n",
        "    value:   -1 # minus one\n",
    )

    assert run("check", rules)[0] == 0


def test_a_removed_file_is_shown_in_the_lock(rules: Path) -> None:
    for name in ("attacker.v1.yaml", "attacker.v1.cases.yaml"):
        (rules / "rubric" / name).unlink()
    code, text = run("check", rules)

    assert code == 1
    assert "`rubric/attacker.v1.yaml` is locked, but there is no such file" in text
    assert "lock.json:" in text
    assert run("lock", rules)[0] == 0
    assert run("check", rules)[0] == 0


def added(rules: Path, status: str) -> None:
    for suffix in (".yaml", ".cases.yaml"):
        old, new = (
            rules / "rubric" / f"{name}{suffix}" for name in ("attacker.v1", "x")
        )
        text = old.read_text().replace("attacker.v1", "x").replace("attacker-v1", "x")
        new.write_text(text.replace("status: deprecated", f"status: {status}"))


def test_a_new_policy_must_be_locked(rules: Path) -> None:
    added(rules, "test")
    code, text = run("check", rules)

    assert code == 1
    assert "`rubric/x.yaml` is not in the lock file" in text


def test_a_draft_may_change_until_it_is_locked(rules: Path) -> None:
    added(rules, "experimental")
    code, text = run("check", rules)

    assert code == 0
    assert "drafts that are not locked: rubric/x.yaml" in text
    assert run("lock", rules)[0] == 0
    edit(rules / "rubric" / "x.yaml", "value: 1", "value: 0.9")
    assert run("check", rules)[0] == 1


def test_one_set_is_compared_alone(rules: Path) -> None:
    assert run("check", rules / "rubric")[0] == 0
    edit(rules / "rubric" / "defender.v2.yaml", "value: 0.1", "value: 0.11")

    assert run("check", rules / "rubric" / "defender.v1.yaml")[0] == 0
    assert run("check", rules / "rubric" / "defender.v2.yaml")[0] == 1


@pytest.mark.parametrize("text", ["", "{", '{"format": 1, "files": {"a": {}}}', "[]"])
def test_a_broken_lock_is_refused(rules: Path, text: str) -> None:
    (rules / "lock.json").write_text(text)

    assert run("check", rules)[0] == 1
    assert run("lock", rules)[0] == 2
    assert (rules / "lock.json").read_text() == text


def test_what_does_not_compile_is_not_locked(rules: Path) -> None:
    edit(rules / "rubric" / "defender.v2.yaml", "input.truth", "input.trth")
    code, text = run("lock", rules)

    assert code == 1
    assert "E301" in text
