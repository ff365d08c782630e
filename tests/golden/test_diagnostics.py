"""Whole messages beside their input; `OPENSOC_REWRITE_GOLDEN=1` rewrites them."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from opensoc_engine.cases import run_cases
from opensoc_engine.codes import CODES
from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.linter import lint_path
from opensoc_engine.loader import load_folder
from opensoc_engine.render import render_text
from opensoc_engine.resources import data_root

FOLDER = Path(__file__).parent / "diagnostics"
POLICIES = sorted(
    path for path in FOLDER.glob("[ew]*.yaml") if not path.name.endswith(".cases.yaml")
)
# Codes whose input is not one policy file; each has a test of its own.
ELSEWHERE = {
    "E105": "tests/unit/test_loader.py",
    "E107": "tests/unit/test_loader.py",
    "E606": "tests/unit/test_loader.py",
    "E610": "tests/unit/test_policy_parser.py",
    "E611": "tests/unit/test_lock.py",
}


def findings(policy: Path, folder: Path) -> tuple[Diagnostic, ...]:
    """What a set with this one policy, and its cases, is told."""
    (folder / "golden").mkdir()
    (folder / "lists").mkdir()
    shells = data_root() / "rules" / "lists" / "shells.yaml"
    shutil.copy(shells, folder / "lists")
    cases = policy.with_name(f"{policy.stem}.cases.yaml")
    for path in (policy, FOLDER / "set.yaml", cases):
        if path.exists():
            shutil.copy(path, folder / "golden")
    if policy.name.startswith("w"):
        return advice(policy.stem[:4].upper())
    loaded = load_folder(Path("golden"))
    found = DiagnosticCollector()
    found.extend(loaded.diagnostics)
    if loaded.policy_set is not None and loaded.folder is not None:
        parts = loaded.folder
        run_cases(loaded.policy_set, parts.cases, parts.case_base, parts.store, found)
    return found.sorted()


def advice(code: str) -> tuple[Diagnostic, ...]:
    """What `opensoc lint --select CODE` says; other lints would only be noise."""
    found = lint_path(Path())
    assert found is not None
    return tuple(item for item in found if item.code == code or item.code[0] == "E")


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.stem)
def test_a_message_reads_as_it_always_did(
    policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = findings(policy, tmp_path)
    text = render_text(found)
    expected = policy.with_suffix(".txt")
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        expected.write_text(text, "utf-8")

    assert policy.stem[:4].upper() in {item.code for item in found}
    assert text == expected.read_text("utf-8")


def test_every_code_has_a_golden_case() -> None:
    shown = {path.stem[:4].upper() for path in POLICIES}

    assert set(CODES) == shown | set(ELSEWHERE)
