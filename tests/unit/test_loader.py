from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from opensoc_engine import PolicyError, data_root, load_policy_set
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import Files, load_folder, read_folder, read_source
from opensoc_engine.policy.yaml_reader import MAX_BYTES
from opensoc_engine.set_files import policy_folders

if TYPE_CHECKING:
    from pathlib import Path


def test_the_shipped_sets_are_found() -> None:
    names = [path.name for path in policy_folders(data_root() / "rules")]

    assert names == ["plausibility", "rubric", "verifier"]


def test_a_folder_without_a_manifest_says_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"E606.*no `set\.yaml`"):
        load_policy_set(tmp_path)


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    collector = DiagnosticCollector()

    assert read_source(tmp_path / "none.yaml", collector) is None
    assert [item.code for item in collector.sorted()] == ["E107"]


def test_a_file_that_is_not_text_is_a_message(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"policy: \xff")
    collector = DiagnosticCollector()

    assert read_source(tmp_path / "a.yaml", collector) is None
    assert "not UTF-8 text at byte 8" in collector.sorted()[0].message


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    collector = DiagnosticCollector()

    assert read_source(tmp_path / "a.yaml", collector) is None
    assert [item.code for item in collector.sorted()] == ["E105"]


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    rules = data_root() / "rules"
    shutil.copytree(rules / "rubric", tmp_path / "rules" / "rubric")
    shutil.copytree(rules / "lists", tmp_path / "rules" / "lists")
    same = load_policy_set(tmp_path / "rules" / "rubric").digest
    costs = tmp_path / "rules" / "lists" / "action_cost.yaml"
    costs.write_text(costs.read_text().replace("escalate: 3", "escalate: 4"))

    assert same == load_policy_set(rules / "rubric").digest
    assert load_policy_set(tmp_path / "rules" / "rubric").digest != same


def test_one_run_reports_every_broken_file(tmp_path: Path) -> None:
    rules = data_root() / "rules"
    shutil.copytree(rules / "rubric", tmp_path / "rubric")
    shutil.copytree(rules / "lists", tmp_path / "lists")
    for name in ("attacker.v1.yaml", "defender.v1.yaml"):
        path = tmp_path / "rubric" / name
        path.write_text(path.read_text().replace("status: deprecated", "status: old"))

    files = {
        item.label.span.source.name
        for item in load_folder(tmp_path / "rubric").diagnostics
    }

    assert {name.rpartition("/")[2] for name in files} == {
        "attacker.v1.yaml",
        "defender.v1.yaml",
    }


def test_a_held_text_counts_in_place_of_the_file() -> None:
    folder = data_root() / "rules" / "rubric"
    held = (folder / "attacker.v2.yaml").resolve()
    text = held.read_text("utf-8").replace("title: The attacker", "title: Whose")
    parts = read_folder(folder, DiagnosticCollector(), Files({held: text}))

    assert parts is not None
    assert "Whose's reward" in {policy.title for policy in parts.policies}


def test_a_held_text_needs_no_file() -> None:
    folder = data_root() / "rules" / "rubric"
    held = {(folder / "new.yaml").resolve(): "policy: new\n"}
    collector = DiagnosticCollector()
    read_folder(folder, collector, Files(held))

    assert {item.label.span.source.name for item in collector.sorted()} == {
        str(folder / "new.yaml")
    }
