from __future__ import annotations

import pytest

from opensoc_engine.source import Source, Span

pytest.importorskip("lsprotocol", reason="needs the extra `lsp`")

from lsprotocol.types import Position

from opensoc_cli.lsp_places import offset_of, position_of, range_of

TEXT = "a: é\r\nb: 😀x\n"


@pytest.mark.parametrize(
    ("encoding", "column"), [("utf-8", 7), ("utf-16", 5), ("utf-32", 4)]
)
def test_columns_count_the_units_of_the_encoding(encoding: str, column: int) -> None:
    offset = TEXT.index("x")

    assert position_of(Source("a", TEXT), offset, encoding) == Position(1, column)
    assert offset_of(TEXT, Position(1, column), encoding) == offset


@pytest.mark.parametrize(
    ("line", "column", "offset"), [(0, 99, 4), (1, 4, 9), (9, 0, len(TEXT)), (2, 5, 12)]
)
def test_places_outside_of_the_text_are_the_nearest_in_it(
    line: int, column: int, offset: int
) -> None:
    assert offset_of(TEXT, Position(line, column), "utf-16") == offset


def test_half_a_surrogate_pair_has_a_place() -> None:
    assert offset_of("\ud83d a", Position(0, 2), "utf-16") == 2


def test_a_range_ends_behind_the_last_character() -> None:
    found = range_of(Span(Source("a", TEXT), 0, len(TEXT)), "utf-16")

    assert (found.start, found.end) == (Position(0, 0), Position(2, 0))
