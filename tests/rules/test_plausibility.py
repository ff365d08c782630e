"""What every plausibility policy keeps to, and what its page says of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import PolicySet, data_root
from opensoc_engine.cases import CaseResult, run_cases
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.loader import PolicyFolder, load_folder
from opensoc_engine.render import render_text
from opensoc_engine.schema_store import default_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.model import Case, Rule

FOLDER = data_root() / "rules" / "plausibility"
PAGE = data_root() / "docs" / "plausibility.md"
SLUGS = sorted(
    path.stem
    for path in FOLDER.glob("*.yaml")
    if path.stem != "set" and not path.stem.endswith(".cases")
)
BY_CATEGORY = ("category_events", "category_atoms", "timing_bounds")


@dataclass(frozen=True)
class Loaded:
    """The plausibility set, compiled, with its cases as they ran."""

    policy_set: PolicySet
    folder: PolicyFolder
    results: tuple[CaseResult, ...]


@cache
def loaded() -> Loaded:
    found = load_folder(FOLDER)
    collector = DiagnosticCollector()
    collector.extend(found.diagnostics)
    assert found.policy_set, render_text(collector.sorted())
    assert found.folder
    parts = found.folder
    results = run_cases(
        found.policy_set, parts.cases, parts.case_base, parts.store, collector
    )
    return Loaded(found.policy_set, parts, results)


def rules() -> Iterator[Rule]:
    for policy in loaded().folder.policies:
        yield from policy.rules


def cases(slug: str) -> tuple[Case, ...]:
    return next(c.cases for c in loaded().folder.cases if c.policy.text == slug)


def rows() -> dict[str, list[str]]:
    """The table of the page: the other cells of each row by its rule."""
    lines = PAGE.read_text("utf-8").splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    found = [row for row in table if len(row) == 5 and row[1].startswith("`")]
    return {row[1].strip("`"): [row[0], *row[2:]] for row in found}


@pytest.mark.parametrize("slug", SLUGS)
class TestCases:
    def test_each_comes_out_as_it_says(self, slug: str) -> None:
        wrong = [
            (result.case.name.text, result.mismatches)
            for result in loaded().results
            if result.policy == slug and not result.passed
        ]

        assert wrong == []

    def test_a_near_miss_is_near_a_case_that_fires(self, slug: str) -> None:
        shown = {case.name.text: case for case in cases(slug)}
        near = [c for c in shown.values() if c.shows == "near-miss" and c.vary]
        far = [
            case.name.text
            for case in near
            if case.vary
            and case.rule
            and case.rule.text not in (shown[case.vary.base.text].expect.fired or ())
        ]

        assert far == []


class TestRules:
    @pytest.mark.parametrize("slug", SLUGS)
    def test_each_names_its_field_and_the_remedy(self, slug: str) -> None:
        policy = next(p for p in loaded().folder.policies if p.slug.text == slug)

        assert all(rule.field and rule.message for rule in policy.rules)
        assert all((rule.message or "").endswith(".") for rule in policy.rules)

    def test_every_category_has_events_atoms_and_bounds(self) -> None:
        schema: Any = default_store().documents["incident.schema.json"]
        categories = set(schema["properties"]["category"]["enum"])
        lists = loaded().folder.lists

        assert {
            name: sorted(categories ^ set(lists[name].values)) for name in BY_CATEGORY
        } == {name: [] for name in BY_CATEGORY}


class TestPage:
    def test_it_has_a_row_for_every_rule_and_no_other(self) -> None:
        assert set(rows()) == {rule.id.text for rule in rules()}

    def test_a_row_names_the_field_of_its_rule(self) -> None:
        fields = {rule.id.text: f"`{rule.field}`" for rule in rules()}

        assert {name: row[1] for name, row in rows().items()} == fields

    def test_a_row_names_a_case_that_fires_its_rule(self) -> None:
        fires = {
            (case.rule.text, case.name.text)
            for slug in SLUGS
            for case in cases(slug)
            if case.rule and case.shows == "fires"
        }

        assert {(name, row[2]) for name, row in rows().items()} <= fires
