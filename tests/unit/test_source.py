from __future__ import annotations

import pytest

from opensoc_engine.source import EmbeddedSource, Position, Source, Span


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, (1, 1)), (2, (1, 3)), (3, (2, 1)), (5, (2, 3)), (99, (2, 4))],
)
def test_position_counts_lines_and_columns_from_one(
    offset: int, expected: tuple[int, int]
) -> None:
    source = Source("a.yaml", "ab\ncde")

    assert source.position(offset) == Position(*expected)


def test_line_drops_its_ending() -> None:
    source = Source("a.yaml", "ab\r\ncde\n")

    assert [source.line(n) for n in (0, 1, 2, 3, 4)] == ["", "ab", "cde", "", ""]


def test_only_a_line_feed_ends_a_line() -> None:
    source = Source("a.yaml", "a\u2028b\nc")

    assert source.position(4) == Position(2, 1)


def test_an_embedded_span_points_into_the_file() -> None:
    file = Source("a.yaml", "when: |\n  one\n  two\n")
    body = EmbeddedSource(file, "one\ntwo\n", (10, 16), Span(file, 6, 20))

    span = body.span(4, 7)

    assert (span.text, span.begin) == ("two", Position(3, 3))


def test_an_inexact_mapping_points_at_the_whole_scalar() -> None:
    file = Source("a.yaml", 'when: "a\\nb"')
    whole = Span(file, 6, 12)

    assert EmbeddedSource(file, "a\nb", (), whole).span(2, 3) == whole
