from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import fmt
from opensoc_engine import data_root
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.formatter import Formatted, format_source
from opensoc_engine.rego.formatter import format_body
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import Source

if TYPE_CHECKING:
    from pathlib import Path

RULES = data_root() / "rules"
FILES = sorted(RULES.rglob("*.yaml"))

cli = typer.Typer()
cli.command()(fmt.run)

UGLY = """\
# yaml-language-server: $schema=x

title:   'A title'   # why
policy: example
rules:
# the only one
-   when:   |
        some   e in input.events # each


        # not mine
        xs := [x |
            some x in e.xs # inner
            x>1
          ]
        every x in xs { x==2;  not x == 3 }
    id: one # id
    evidence: [ e,xs ]
    # behind the rule
define:
     near(a): (a.x == 1)
     # behind near
kind: verifier
references: [one, # the first
  two]
"""
NEAT = """\
# yaml-language-server: $schema=x

policy: example
kind: verifier
title: "A title"   # why
references: [one, # the first
  two]
define:
  near(a): a.x == 1
  # behind near
rules:
  # the only one
  - id: one # id
    evidence: [e, xs]
    # behind the rule
    when: |
      some e in input.events # each

      # not mine
      xs := [x |
        some x in e.xs # inner
        x > 1
      ]
      every x in xs { x == 2; not x == 3 }
"""


def formatted(text: str) -> Formatted:
    collector = DiagnosticCollector()
    result = format_source(Source("x.yaml", text), default_store(), collector)
    assert result is not None, [item.message for item in collector.sorted()]
    return result


def neat(text: str) -> str:
    result = formatted(text)
    assert not result.kept
    return result.text


def test_keys_quotes_and_bodies_get_one_form() -> None:
    assert neat(UGLY) == NEAT
    assert neat(NEAT) == NEAT


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_settles_at_once(path: Path) -> None:
    once = neat(path.read_text("utf-8"))

    assert neat(once) == once


@pytest.mark.parametrize(
    "text",
    [
        "a:\n  b: 1\n\n  c: 2\n",
        "a: [1, {b: c}]\n",
        "a: 'back\\slash'\nb: 'plain'\n",
        "a: it is # not 'quoted'\n",
        "a: >\n  folded\n  text\n",
        "a: |-\n  kept\n    as\n\n\n  it is\n",
        "a: |\n  first\n# beside\nb: 1\n",
        'a: "two\n  lines"\n',
        "- a: 1\n",
        "a:\n  - - 1\n    - 2\n  - b: 1\n    c: 2\n",
        "a:\nb: {}\nc: []\n",
    ],
)
def test_what_is_neat_stays(text: str) -> None:
    assert formatted(text).text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:\n- 1\n# next\nb: 2\n", "a:\n  - 1\n# next\nb: 2\n"),
        ("a:\n    b: 1\n    # in a\n", "a:\n  b: 1\n  # in a\n"),
        ("\n\na: 1\n\n\n\nb: 2\n\n", "a: 1\n\nb: 2\n"),
        ("a: 'it''s'\n", 'a: "it\'s"\n'),
        ("a:   1\r\nb:\r\n    c: 2\r\n", "a: 1\nb:\n  c: 2\n"),
        ("a: # why\n   b: 1\n", "a: # why\n  b: 1\n"),
        ("a: {  b: 1,c: [ 2 ] }\n", "a: {b: 1, c: [2]}\n"),
        (
            "list: a\nvalues: 1\nversion: 1.0.0\n",
            "list: a\nversion: 1.0.0\nvalues: 1\n",
        ),
    ],
)
def test_what_is_not_neat_becomes_so(text: str, expected: str) -> None:
    assert neat(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1}\n",
        "--- # start\na:   1\n",
        "? a\n: 1\n",
        "a:   |2\n    x\n",
        "a:   |+\n  x\n\n",
        "a: # why\n  1\n",
        "a:   1\n...\n",
    ],
)
def test_a_rare_form_is_left_as_it_is(text: str) -> None:
    result = formatted(text)

    assert result.text == text
    assert result.kept


def test_a_body_that_is_no_rego_is_left_as_it_is() -> None:
    text = "policy: x\nrules:\n  - when: |\n      some   e in  #\n"

    assert formatted(text) == Formatted(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a;b", "a\nb\n"),
        ("a; # why\nb", "a # why\nb\n"),
        ("\n\na\n\n\n\nb\n\n", "a\n\nb\n"),
        ("every x in xs { # why\n x }", "every x in xs { # why\n  x\n}\n"),
        ('x := "a\\\\b"', "x := `a\\b`\n"),
        ("x := {1, # one\n   2}", "x := {1, # one\n   2}\n"),
        ("f([x | some x in xs\n  x > 1])", "f([x |\n  some x in xs\n  x > 1\n])\n"),
    ],
)
def test_a_body_is_printed_line_by_line(text: str, expected: str) -> None:
    assert format_body(text) == expected


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder with a neat file and an ugly one."""
    shutil.copy(RULES / "rubric" / "set.yaml", tmp_path)
    (tmp_path / "ugly.yaml").write_text(UGLY)
    return tmp_path


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    return result.exit_code, result.output


def test_fmt_writes_what_differs(rules: Path) -> None:
    assert run(rules) == (0, f"changed {rules / 'ugly.yaml'}\n1 of 2 files changed\n")
    assert (rules / "ugly.yaml").read_text() == NEAT
    assert run(rules, "--check")[0] == 0


def test_check_and_diff_write_nothing(rules: Path) -> None:
    code, text = run(rules, "--check")
    assert code == 1
    assert "would change" in text
    code, text = run(rules, "--diff")
    assert code == 0
    assert "-policy: example" not in text
    assert "+  - id: one # id" in text
    assert (rules / "ugly.yaml").read_text() == UGLY


def test_a_file_that_is_no_yaml_is_reported(rules: Path) -> None:
    (rules / "broken.yaml").write_text("a: [")
    code, text = run(rules)

    assert code == 1
    assert "error[E101]" in text
    assert (rules / "broken.yaml").read_text() == "a: ["
    assert (rules / "ugly.yaml").read_text() == NEAT


def test_a_kept_file_says_why(rules: Path) -> None:
    (rules / "rare.yaml").write_text("? a\n: 1\n")
    code, text = run(rules / "rare.yaml")

    assert code == 0
    assert "left as it is" in text


def test_a_path_without_files_is_unusable(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 2
    assert run(tmp_path / "none.yaml")[0] == 2
