from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import example, given
from hypothesis import strategies as st
from rego_trees import bodies, expressions, heads

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.rego.parser import parse_body, parse_expression, parse_head
from opensoc_engine.rego.printer import print_body, print_expression, print_head
from opensoc_engine.source import EmbeddedSource, Source, Span, line_starts

if TYPE_CHECKING:
    from collections.abc import Callable

    from opensoc_engine.rego import nodes as n

PARSERS = (parse_body, parse_expression, parse_head)
# Pieces of Rego, so that random texts get beyond the first character.
PIECES = (
    *("some", "every", "in", "not", "x", "xs", "contains", "set", "or", "if", "null"),
    *("[", "]", "{", "}", "(", ")", "|", ":", ":=", "=", "==", "<", "-", "+", "*"),
    *(",", ".", ";", "\n", " ", '"', "`", "'", "\\", "#", "_", "!", "1", "0.5", "é"),
)


def read(parse: Callable[..., Any], text: str) -> tuple[Any, tuple[Any, ...]]:
    file = Source("rule.yaml", text)
    whole = Span(file, 0, len(text))
    collector = DiagnosticCollector()
    tree = parse(EmbeddedSource(file, text, line_starts(text), whole), collector)
    return tree, collector.sorted()


@given(expressions)
def test_a_printed_expression_reads_as_the_same_tree(tree: n.Expression) -> None:
    text = print_expression(tree)

    # `repr` tells `true` from `1`, which are equal in Python.
    assert repr(read(parse_expression, text)[0]) == repr(tree)


@given(bodies(expressions))
def test_a_printed_body_reads_as_the_same_tree(tree: n.Body) -> None:
    text = print_body(tree)

    assert read(parse_body, text) == (tree, ())


@given(heads)
def test_a_printed_head_reads_as_the_same_tree(tree: n.Head) -> None:
    text = print_head(tree)

    assert read(parse_head, text) == (tree, ())


@given(bodies(expressions))
def test_printing_is_stable(tree: n.Body) -> None:
    text = print_body(tree)

    assert print_body(read(parse_body, text)[0]) == text


@given(
    st.sampled_from(PARSERS), st.text() | st.lists(st.sampled_from(PIECES)).map("".join)
)
@example(parse_body, "\ud800")
@example(parse_body, '"\ud800"')
@example(parse_body, '"\\u"')
@example(parse_body, "\x00")
def test_any_text_gives_a_tree_or_one_diagnostic(
    parse: Callable[..., Any], text: str
) -> None:
    tree, found = read(parse, text)

    assert (tree is None) == (len(found) == 1)
