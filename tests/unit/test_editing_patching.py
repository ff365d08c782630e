from __future__ import annotations

import pytest

from opensoc_engine.editing.patching import cut, reference_before, spot_at

CURSOR = "^"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb^", "a\n x"),
        ("a; b^", "a; x"),
        ("f(g(b^", " x"),
        ("a\nf(b,\n  c^", "a\n x"),
        ("y := [e | some e in s; e^", "y := [e | some e in s; x]"),
        ("count({e | some e in s\n  b^", "count({e | some e in s\n x})"),
        ("every e in s { a; b^", "every e in s { a; x}"),
        ("e in {1, b^", " x"),
        ("every e in {1} { b^", "every e in {1} { x}"),
        ("s[b^", " x"),
        ('a == "; ["\nb^', 'a == "; ["\n x'),
        ("a == `\n;`\nb^", "a == `\n;`\n x"),
        ("a # [ {\nb^", "a # [ {\n x"),
        ("a &\nb^", " x"),
        ("})]b^", " x"),
    ],
)
def test_the_line_of_the_cursor_gives_way(text: str, expected: str) -> None:
    place = text.index(CURSOR)

    assert cut(text, spot_at(text, place), "x") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [('a == "b^', 5), ('a == "b^"', 5), ('a == "b"^', None), ("`b^", 0), ("^", None)],
)
def test_a_cursor_in_a_string_is_known(text: str, expected: int | None) -> None:
    assert spot_at(text, text.index(CURSOR)).string == expected


def test_a_cursor_in_a_comment_is_known() -> None:
    assert spot_at("a # b", 5).in_comment
    assert not spot_at("a # b\nc", 7).in_comment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f(e.fields.", "e.fields"),
        ("xs[0].", "xs[0]"),
        ("a.b[c.d].", "a.b[c.d]"),
        ("a", ""),
        ("1.", ""),
        ("f(x).", ""),
    ],
)
def test_the_reference_before_a_dot_is_found(text: str, expected: str) -> None:
    assert reference_before(text, len(text)) == expected
