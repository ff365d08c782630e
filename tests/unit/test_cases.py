from __future__ import annotations

import json
from pathlib import Path

import pytest

from opensoc_engine.cases import CaseResult, merge, run_cases
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import load_folder

SCHEMA = {
    "title": "Request",
    "type": "object",
    "additionalProperties": False,
    "required": ["user", "roles"],
    "properties": {
        "user": {"type": "string"},
        "roles": {"type": "array", "items": {"type": "string"}},
    },
}
MANIFEST = """
set: access
kind: verifier
version: 1.0.0
input: request.schema.json
decision: strongest
order: [allow]
default: deny
"""
POLICY = """
policy: admins
kind: verifier
version: 1.0.0
status: test
title: Administrators may enter
rules:
  - id: admin-enters
    title: An administrator enters
    action: allow
    when: |
      "admin" in input.roles
"""
CASES = """
cases: admins
given: {user: ada, roles: [admin]}
examples:
  - {name: in, rule: admin-enters, is: fires, expect: {action: allow}}
  - name: out
    rule: admin-enters
    is: near-miss
    vary: {from: in, set: {roles.0: guest}}
    expect: {action: deny, fired: []}
  - {name: none, rule: admin-enters, is: quiet, input: {roles: []}, expect: {}}
"""


@pytest.fixture
def access(tmp_path: Path) -> Path:
    """A policy set of another domain, with a schema of its own."""
    folder = tmp_path / "rules" / "access"
    folder.mkdir(parents=True)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "request.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "set.yaml").write_text(MANIFEST)
    (folder / "admins.yaml").write_text(POLICY)
    (folder / "admins.cases.yaml").write_text(CASES)
    return folder


def run(folder: Path) -> tuple[tuple[CaseResult, ...], list[str]]:
    loaded = load_folder(folder)
    assert loaded.policy_set is not None, loaded.diagnostics
    assert loaded.folder is not None
    found = DiagnosticCollector()
    parts = loaded.folder
    results = run_cases(
        loaded.policy_set, parts.cases, parts.case_base, parts.store, found
    )
    return results, [item.message for item in found.sorted()]


def change(folder: Path, old: str, new: str) -> None:
    path = folder / "admins.cases.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_another_domain_needs_only_its_schema_and_rules(access: Path) -> None:
    results, messages = run(access)

    assert [result.passed for result in results] == [True, True, True]
    assert messages == []


def test_a_mismatch_shows_both_sides(access: Path) -> None:
    change(access, "action: allow}", "action: deny, fired: []}")
    results, _ = run(access)

    shown = [(m.what, m.expected, m.actual) for m in results[0].mismatches]
    assert shown == [("fired", "nothing", "admin-enters"), ("action", "deny", "allow")]


def test_a_case_that_says_it_fires_must_fire(access: Path) -> None:
    change(access, "is: quiet, input: {roles: []}", "is: fires, input: {roles: []}")
    results, messages = run(access)

    assert results[2].mismatches[0].expected == "fires"
    assert messages == ["rule `admin-enters` has no case that is `quiet`"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("from: in,", "from: inn,", "there is no case `inn`"),
        ("from: in,", "from: out,", "case `out` varies itself"),
        ("roles.0:", "role.0:", "`role.0` leads nowhere in the base case"),
        ("roles.0: guest", "user: 5", "`user`: got the number `5`"),
        ("name: none", "name: in", "case `in` stands twice"),
        ("rule: admin-enters, is: q", "rule: admin-enter, is: q", "no rule"),
    ],
)
def test_a_broken_case_is_reported(
    access: Path, old: str, new: str, message: str
) -> None:
    change(access, old, new)
    _, messages = run(access)

    assert any(message in found for found in messages), messages


def test_objects_merge_and_arrays_replace() -> None:
    under = {"a": {"b": 1, "c": [1, 2]}, "d": 4}

    assert merge(under, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}, "d": 4}
