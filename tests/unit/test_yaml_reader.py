from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import pytest
import yaml

from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.policy import yaml_reader
from opensoc_engine.policy.yaml_reader import (
    MAX_BYTES,
    MAX_NODES,
    MappingNode,
    ScalarNode,
    SequenceNode,
    read_yaml,
    to_plain,
)
from opensoc_engine.source import EmbeddedSource, Source


def plain(text: str) -> Any:
    found = DiagnosticCollector()
    node = read_yaml(Source("a.yaml", text), found)

    assert node is not None, found.sorted()

    return to_plain(node)


def mapping(text: str) -> MappingNode:
    node = read_yaml(Source("a.yaml", text), DiagnosticCollector())

    assert isinstance(node, MappingNode)

    return node


def body(text: str, key: str = "when") -> EmbeddedSource:
    node = mapping(text).get(key)

    assert isinstance(node, ScalarNode)
    assert node.embedded is not None

    return node.embedded


def refused(text: str) -> tuple[Diagnostic, ...]:
    found = DiagnosticCollector()

    assert read_yaml(Source("a.yaml", text), found) is None

    return found.sorted()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("NO", "NO"),
        ("on", "on"),
        ("12", 12),
        ("-3", -3),
        ("+3", 3),
        ("0", 0),
        ("0o17", 15),
        ("0xff", 255),
        ("1.50", Decimal("1.50")),
        (".5", Decimal("0.5")),
        ("-1e3", Decimal(-1000)),
        ("1_000", "1_000"),
        ("12:30:45", "12:30:45"),
        ("2026-03-02", "2026-03-02"),
        ("0o8", "0o8"),
        ("1.2.3", "1.2.3"),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_plain_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = plain(f"a: {text}")["a"]

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["007", "-01", "True", "NULL", "FALSE"])
def test_what_may_be_a_value_or_text_is_refused(text: str) -> None:
    (found,) = refused(f"a: {text}")

    assert (found.code, found.label.span.text) == ("E101", text)
    assert found.help is not None
    assert "quote it" in found.help


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "1e309", "1e-309", "9" * 35])
def test_a_number_out_of_range_is_refused(text: str) -> None:
    assert [found.code for found in refused(f"a: {text}")] == ["E101"]


def test_keys_are_always_text() -> None:
    assert plain("443: https\ntrue: 1\non: 2") == {"443": "https", "true": 1, "on": 2}


def test_spans_count_characters_after_wide_ones_and_crlf() -> None:
    node = mapping("naïve: 日本\r\nb: [1, two]\r\n")
    items = node.get("b")

    assert isinstance(items, SequenceNode)
    assert [key.span.text for key, _ in node.items] == ["naïve", "b"]
    assert items.span.text == "[1, two]"
    assert items.items[1].span.begin.line == 2
    assert items.items[1].span.text == "two"


def test_a_block_mapping_ends_with_its_last_value() -> None:
    node = mapping("a:\n  b: 1\n  c: 2\n\n# note\nd: 3\n").get("a")

    assert isinstance(node, MappingNode)
    assert node.span.text == "b: 1\n  c: 2"


@pytest.mark.parametrize("header", ["|", "|-", "|+", "|2", "|2-", "|  # note"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_literal_block_maps_every_character(header: str, end: str) -> None:
    lines = [f"when: {header}", "  some é in x", "", "    y == 1", "  z", "", "a: 1"]
    text = body(end.join(lines))

    assert text.text.startswith("some é in x\n\n  y == 1\nz")
    for at, character in enumerate(text.text.rstrip()):
        assert text.span(at, at + 1).text in {character, "\r"}


def test_an_indented_first_line_keeps_its_indentation() -> None:
    text = body("when: |2\n    one\n  two\n")

    assert text.text == "  one\ntwo\n"
    assert text.span(2, 5).text == "one"


@pytest.mark.parametrize("written", ["a == b", "'a == b'", '"a == b"'])
def test_a_one_line_scalar_maps_exactly(written: str) -> None:
    text = body(f"when: {written}  # note")

    assert text.span(2, 4).text == "=="


@pytest.mark.parametrize("written", [">\n  a\n  b", "'it''s'", '"a\\tb"', "a\n  b"])
def test_a_folded_or_escaped_scalar_maps_as_a_whole(written: str) -> None:
    text = body(f"when: {written}\n")

    assert text.line_offsets == ()
    assert text.span(0, 1) == text.whole
    assert text.whole.text == written


def test_a_key_can_be_a_head_with_its_own_places() -> None:
    key, _ = mapping("f(x) := x + 1: ''").items[0]

    assert key.embedded is not None
    assert key.embedded.span(8, 9).text == "x"


def test_a_duplicate_key_names_the_first() -> None:
    (found,) = refused("a: 1\nb: 2\na: 3")

    assert (found.code, found.label.span.begin.line) == ("E102", 3)
    assert found.others[0].span.begin.line == 1


@pytest.mark.parametrize(
    ("text", "feature"),
    [
        ("a: !!str 1", "tags"),
        ("a: ! b", "tags"),
        ("a: &x 1", "anchors"),
        ("a: &x {b: 1}", "anchors"),
        ("a: *x", "aliases"),
        ("*x : 1", "lists, mappings and aliases as keys"),
        ("<<: {a: 1}", "merge keys"),
        ("a: 1\n---\nb: 1", "several documents"),
        ("%YAML 1.2\n---\na: 1", "directives"),
        ("? [a]\n: 1", "lists, mappings and aliases as keys"),
    ],
)
def test_features_that_hide_meaning_are_refused(text: str, feature: str) -> None:
    messages = {(found.code, found.message) for found in refused(text)}

    assert ("E103", f"{feature} are not allowed in rule files") in messages


def test_a_quoted_merge_sign_is_an_ordinary_key() -> None:
    assert plain('"<<": 1') == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "problem", "place"),
    [
        ("a:\n\tb: 1", "a tab can't indent", "\t"),
        ("a: |\n\tb", "a tab can't indent", "\t"),
        ('a: "b\nc: 1\n', "the quote is never closed", '"'),
        ("a: b: c", "a `:` can't stand here", ":"),
        ("a: `b`", "a backtick can't start a value", "`"),
        ("a: @b", "`@` can't start a value", "@"),
        ("- a\nb: 1", "this line is not an item of the list above", "b"),
        ("?\n: 1", "a key is missing before `:`", ""),
    ],
)
def test_syntax_errors_are_in_plain_words(text: str, problem: str, place: str) -> None:
    (found,) = refused(text)

    assert (found.code, found.message) == ("E101", problem)
    assert found.label.span.text == place


def test_an_open_bracket_is_shown() -> None:
    (found,) = refused("a: [1, 2\nb: 1\n")

    assert found.others[0].span.begin.column == 4


@pytest.mark.parametrize(
    "character", ["\x00", "\x1b", "\x85", "\u2028", "\u202e", "\ud800", "\r"]
)
def test_hidden_characters_are_refused(character: str) -> None:
    (found,) = refused(f"a: b{character}c")

    assert (found.code, found.label.span.start) == ("E101", 4)
    assert f"U+{ord(character):04X}" in found.message


def test_an_escape_may_name_a_hidden_character() -> None:
    assert plain(r'a: "x\u202Ey"') == {"a": "x\u202ey"}


def test_a_byte_order_mark_is_refused() -> None:
    assert [found.code for found in refused("\ufeffa: 1")] == ["E107"]


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_file_is_refused(text: str) -> None:
    assert [found.code for found in refused(text)] == ["E106"]


@pytest.mark.parametrize("character", ["x", "é"])
def test_size_is_limited_in_bytes(character: str) -> None:
    size = len(character.encode())
    fits = character * (MAX_BYTES // size)

    assert plain(fits) == fits
    assert [found.code for found in refused(fits + character)] == ["E105"]


def test_sixty_four_levels_are_allowed_and_no_more() -> None:
    assert plain("[" * 64 + "]" * 64)
    assert [found.code for found in refused("[" * 65 + "]" * 65)] == ["E104"]


@pytest.mark.parametrize("text", ["[" * 500_000, "{" * 500_000, "- " * 250_000])
def test_a_hostile_depth_is_answered_at_once(text: str) -> None:
    start = time.perf_counter()

    assert [found.code for found in refused(text)] == ["E104"]
    assert time.perf_counter() - start < 2


def test_fifty_thousand_values_are_allowed_and_no_more() -> None:
    assert len(plain("- a\n" * (MAX_NODES - 1))) == MAX_NODES - 1
    assert [found.code for found in refused("- a\n" * MAX_NODES)] == ["E701"]


def test_a_thousand_duplicates_give_fifty_reports() -> None:
    assert len(refused("a: 1\n" * 1000)) == 50


def test_without_the_c_parser_the_tree_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "a: |\n  x\n\n  y\nb: {c: [1, 'two', \"th\\tree\"]}\nd:\n"
    fast = mapping(text)
    monkeypatch.setattr(yaml_reader, "_LOADER", yaml.SafeLoader)

    assert mapping(text) == fast
