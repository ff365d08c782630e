from __future__ import annotations

import re

import pytest

from opensoc_engine.codes import CODES
from opensoc_engine.diagnostics import DiagnosticCollector, Severity, diagnose
from opensoc_engine.source import Source, Span

SOURCE = Source("a.yaml", "one two three")


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_follows_the_house_style(code: str) -> None:
    row = CODES[code]

    assert re.fullmatch(r"[EW][1-7]\d\d", row.code)
    assert not row.template.endswith(".")
    assert row.template[0] in "`{" or row.template[0].islower()
    assert row.explanation.endswith(".")


def test_slugs_are_unique() -> None:
    slugs = [row.slug for row in CODES.values()]

    assert len(set(slugs)) == len(slugs)


def test_diagnose_fills_the_template() -> None:
    found = diagnose("E301", Span(SOURCE, 0, 3), name="severty")

    assert found.message == "unknown field `severty`"
    assert found.severity is Severity.ERROR


def test_collector_sorts_by_place_and_keeps_no_repeats() -> None:
    late = diagnose("E302", Span(SOURCE, 4, 7), name="two")
    early = diagnose("E302", Span(SOURCE, 0, 3), name="one")
    collector = DiagnosticCollector()
    collector.extend([late, early, late])

    assert collector.sorted() == (early, late)
    assert collector.has_errors
