from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from opensoc_engine import data_root
from opensoc_engine.editing.findings import FAILED_CASE, find
from opensoc_engine.editing.fixes import fixes
from opensoc_engine.editing.workspace import Workspace
from opensoc_engine.linter import lint_path

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_engine.diagnostics import Diagnostic


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    for name in ("rubric", "lists"):
        shutil.copytree(data_root() / "rules" / name, tmp_path / "rules" / name)
    return tmp_path / "rules"


def found(
    path: Path, workspace: Workspace, *, cases: bool = False
) -> tuple[Diagnostic, ...]:
    return find(workspace, path, cases=cases).get(path, ())


def written(path: Path, old: str, new: str) -> Workspace:
    """A workspace in which a file has another text than on the disk."""
    text = path.read_text("utf-8")
    assert old in text
    return Workspace({path: text.replace(old, new, 1)})


def test_the_text_of_the_editor_counts(rules: Path) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    workspace = written(path, "input.plausible", "input.plausibel")

    assert [item.code for item in found(path, workspace)] == ["E301"]
    assert found(path, Workspace()) == ()


def test_a_manifest_with_a_mistake_is_named(rules: Path) -> None:
    path = rules / "rubric" / "set.yaml"
    workspace = written(path, "data.action_cost[truth]", "data.action_cots[truth]")

    assert [item.code for item in found(path, workspace)] == ["E306"]


def test_a_list_with_a_mistake_is_named(rules: Path) -> None:
    path = rules / "lists" / "action_cost.yaml"
    workspace = written(path, "list: action_cost", "list: cost")

    assert "E601" in {item.code for item in found(path, workspace)}


def test_a_file_that_is_not_saved_yet_is_checked(rules: Path) -> None:
    path = rules / "rubric" / "novel.yaml"

    assert found(path, Workspace({path: "policy: novel\n"}))[0].code == "E202"


def test_a_rule_that_stands_twice_in_the_set_is_named(rules: Path) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    workspace = written(path, "id: attacker-v2-fooled", "id: attacker-v1-fooled")

    assert "E602" in {item.code for item in found(path, workspace)}


def test_advice_is_the_same_as_of_the_lint_verb(rules: Path) -> None:
    everything = find(Workspace(), rules / "rubric" / "set.yaml", cases=False)

    assert sorted(d.sort_key for items in everything.values() for d in items) == [
        item.sort_key for item in lint_path(rules) or ()
    ]


def test_a_failed_case_is_named_if_cases_run(rules: Path) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    cases = path.with_name("attacker.v2.cases.yaml")
    workspace = written(path, "value: 1\n", "value: 0.5\n")
    failed = found(cases, workspace, cases=True)

    assert {item.code for item in failed} == {FAILED_CASE}
    assert "value: expected 1.1, got 0.60" in failed[0].message
    assert found(cases, workspace) == ()


def test_a_text_that_comes_back_is_judged_again(rules: Path) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    workspace = written(path, "value: 1\n", "value: 0.5\n")
    find(workspace, path, cases=True)
    workspace.texts.clear()

    assert (
        find(workspace, path, cases=True).keys()
        & {
            path,
            path.with_name("attacker.v2.cases.yaml"),
        }
        == set()
    )


@pytest.mark.parametrize(
    ("old", "new", "word", "text"),
    [
        ("input.plausible", "input.plausibel", "plausibel", "plausible"),
        ("status: test", "statsu: test", "statsu", "status"),
        ("input: attacker", "input: atacker", "atacker", "attacker"),
    ],
)
def test_the_word_that_was_meant_is_offered(
    rules: Path, old: str, new: str, word: str, text: str
) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    offered = list(fixes(found(path, written(path, old, new))))

    assert offered[0].span.text.startswith(word)
    assert offered[0].text.startswith(text)


def test_quotes_stay_around_a_word_that_is_changed(rules: Path) -> None:
    path = rules / "rubric" / "attacker.v2.yaml"
    workspace = written(path, "input: attacker-grading.", 'input: "atacker-grading.')
    source = workspace.texts[path].replace(
        "schema.json\nbounds", 'schema.json"\nbounds'
    )
    workspace.texts[path] = source
    offered = list(fixes(found(path, workspace)))

    assert offered[0].text == '"attacker-grading.schema.json"'
