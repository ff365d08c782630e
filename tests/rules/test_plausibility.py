"""What every plausibility policy keeps to, and what its page says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from shipped_sets import loaded, slugs

from opensoc_engine import data_root
from opensoc_engine.schema_store import default_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.model import Case, Rule

PAGE = data_root() / "docs" / "plausibility.md"
SLUGS = slugs("plausibility")
BY_CATEGORY = ("category_events", "category_atoms", "timing_bounds")


def rules() -> Iterator[Rule]:
    for policy in loaded("plausibility").folder.policies:
        yield from policy.rules


def cases(slug: str) -> tuple[Case, ...]:
    return next(
        c.cases for c in loaded("plausibility").folder.cases if c.policy.text == slug
    )


def rows() -> dict[str, list[str]]:
    """The table of the page: the other cells of each row by its rule."""
    lines = PAGE.read_text("utf-8").splitlines()
    table = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    found = [row for row in table if len(row) == 5 and row[1].startswith("`")]
    return {row[1].strip("`"): [row[0], *row[2:]] for row in found}


@pytest.mark.parametrize("slug", SLUGS)
class TestCases:
    def test_each_comes_out_as_it_says(self, slug: str) -> None:
        assert loaded("plausibility").failures(slug) == []

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
        policy = loaded("plausibility").policy(slug)

        assert all(rule.field and rule.message for rule in policy.rules)
        assert all((rule.message or "").endswith(".") for rule in policy.rules)

    def test_every_category_has_events_atoms_and_bounds(self) -> None:
        schema: Any = default_store().documents["incident.schema.json"]
        categories = set(schema["properties"]["category"]["enum"])
        lists = loaded("plausibility").folder.lists

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
