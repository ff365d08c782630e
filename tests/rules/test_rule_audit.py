"""The pages that say which fact each rule knows name rules and cases that exist."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from opensoc_engine import data_root
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import PolicyFolder, read_folder

DOCS = Path(__file__).parents[2] / "docs"
PAGES = sorted(DOCS.glob("rule-audit-*.md"))
ROW = re.compile(r"^\| (\w+) \| (.+) \| `([^`]+)` \| `([^`]+)` \|$", re.MULTILINE)


class Row(NamedTuple):
    """One line of a page."""

    category: str
    fact: str
    rule: str
    case: str


@cache
def folder() -> PolicyFolder:
    found = read_folder(data_root() / "rules" / "verifier", DiagnosticCollector())
    assert found is not None
    return found


def rows(page: Path) -> list[Row]:
    return [Row(*found) for found in ROW.findall(page.read_text(encoding="utf-8"))]


@cache
def policy_of_rule() -> dict[str, str]:
    return {
        rule.id.text: policy.slug.text
        for policy in folder().policies
        for rule in policy.rules
    }


@cache
def rules_of_cases() -> dict[tuple[str, str], frozenset[str]]:
    """The rules that a case is about: the one that it names, and those that fire."""
    return {
        (file.policy.text, case.name.text): frozenset(case.expect.fired or ())
        | ({case.rule.text} if case.rule else set())
        for file in folder().cases
        for case in file.cases
    }


def is_shown(row: Row) -> bool:
    policy = policy_of_rule().get(row.rule, "")
    return row.rule in rules_of_cases().get((policy, row.case), ())


@pytest.mark.parametrize("sheet", PAGES, ids=lambda p: p.stem)
def test_every_line_of_a_table_can_be_read(sheet: Path) -> None:
    lines = [t for t in sheet.read_text(encoding="utf-8").splitlines() if t[:1] == "|"]
    heads = [line for line in lines if line.startswith(("| category |", "|---"))]

    assert len(rows(sheet)) == len(lines) - len(heads) > 0


@pytest.mark.parametrize("sheet", PAGES, ids=lambda p: p.stem)
def test_each_fact_names_a_rule_and_a_case_that_is_about_it(sheet: Path) -> None:
    assert [row for row in rows(sheet) if not is_shown(row)] == []


def test_every_rule_for_machines_has_a_fact() -> None:
    hosts = rows(DOCS / "rule-audit-hosts.md")
    policies = {policy_of_rule()[row.rule] for row in hosts}
    rules = {rule for rule, slug in policy_of_rule().items() if slug in policies}
    shown = {row.rule for sheet in PAGES for row in rows(sheet)}

    assert sorted(rules - shown) == []
