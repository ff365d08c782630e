from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import check, fmt, lint, lock, new, test
from opensoc_engine import data_root

if TYPE_CHECKING:
    from pathlib import Path

cli = typer.Typer()
for module in (check, fmt, lint, lock, new, test):
    cli.command(module.__name__.rpartition(".")[2])(module.run)

SLUGS = {"verifier": "relay", "plausibility": "loop", "rubric": "defender.v9"}


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A copy of the shipped rules."""
    shutil.copytree(data_root() / "rules", tmp_path / "rules")
    return tmp_path / "rules"


def keep_only(rules: Path, kind: str) -> None:
    """Leave one set, and the first of its policies: the others say nothing here."""
    for other in SLUGS:
        if other != kind:
            shutil.rmtree(rules / other)
    _, *more = sorted((rules / kind).glob("*.cases.yaml"))
    assert more
    for cases in more:
        cases.unlink()
        cases.with_name(cases.name.replace(".cases.", ".")).unlink()
    (rules / "lock.json").unlink()


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(cli, [str(word) for word in words])
    return result.exit_code, result.output


@pytest.mark.parametrize("kind", SLUGS)
def test_a_scaffold_passes_at_once(rules: Path, kind: str) -> None:
    keep_only(rules, kind)
    assert run("lock", rules)[0] == 0
    code, text = run("new", SLUGS[kind], "--set", kind, "--rules", rules)
    policy = rules / kind / f"{SLUGS[kind]}.yaml"

    assert code == 0, text
    assert run("check", rules)[0] == 0
    assert run("test", policy)[0] == 0
    assert run("lint", policy)[0] == 0
    assert run("fmt", "--check", policy)[0] == 0
    assert run("fmt", "--check", policy.with_suffix(".cases.yaml"))[0] == 0


def test_nothing_is_overwritten(rules: Path) -> None:
    cases = rules / "verifier" / "mine.cases.yaml"
    cases.write_text("mine")
    code, text = run("new", "mine", "--set", "verifier", "--rules", rules)

    assert code == 2
    assert "is there already" in text
    assert cases.read_text() == "mine"
    assert not (rules / "verifier" / "mine.yaml").exists()


@pytest.mark.parametrize(
    "slug", ["Mine", "a_b", "a--b", "../a", "a.cases", "", "a" * 65]
)
def test_a_bad_name_is_refused(rules: Path, slug: str) -> None:
    before = sorted(rules.rglob("*"))
    code, text = run("new", slug, "--set", "verifier", "--rules", rules)

    assert code == 2
    assert "can't be the name of a policy" in text
    assert sorted(rules.rglob("*")) == before


@pytest.mark.parametrize("policy_set", ["nope", "../rules/verifier", "lists", "."])
def test_an_unknown_set_is_refused(rules: Path, policy_set: str) -> None:
    code, text = run("new", "mine", "--set", policy_set, "--rules", rules)

    assert code == 2
    assert "there are plausibility, rubric, verifier" in text


def test_a_set_of_another_domain_has_no_template(rules: Path) -> None:
    manifest = rules / "verifier" / "set.yaml"
    text = manifest.read_text().replace("incident.schema.json", "estate.schema.json")
    manifest.write_text(text)
    code, text = run("new", "mine", "--set", "verifier", "--rules", rules)

    assert code == 2
    assert "there is no template" in text


def test_shipped_rules_are_never_written_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    for words in (("new", "mine", "--set", "verifier"), ("lock",), ("fmt",)):
        code, text = run(*words)
        assert code == 2
        assert "there is no `rules` here" in text
