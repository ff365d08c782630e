from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.complaints import MAX_BRACKETS, MAX_CHARACTERS, MAX_HEIGHT
from opensoc_engine.rego.parser import parse_body, parse_expression, parse_head
from opensoc_engine.rego.printer import print_body
from opensoc_engine.source import EmbeddedSource, Position, Source, Span, line_starts

if TYPE_CHECKING:
    from collections.abc import Callable

PLACE = Span(Source("a", ""), 0, 0)
X, XS, Y = (n.Name(text, PLACE) for text in ("x", "xs", "y"))
ONE = n.Literal(1, PLACE)


def embedded(text: str) -> EmbeddedSource:
    file = Source("rule.yaml", text)
    return EmbeddedSource(file, text, line_starts(text), Span(file, 0, len(text)))


def read(parse: Callable[..., Any], text: str) -> Any:
    collector = DiagnosticCollector()
    tree = parse(embedded(text), collector)

    assert collector.sorted() == ()
    return tree


def complaint(text: str, parse: Callable[..., Any] = parse_body) -> Diagnostic:
    collector = DiagnosticCollector()

    assert parse(embedded(text), collector) is None
    (found,) = collector.sorted()
    return found


def expression(text: str) -> Any:
    return read(parse_expression, text)


def binary(operator: str, left: n.Expression, right: n.Expression) -> n.Binary:
    return n.Binary(operator, left, right, PLACE, PLACE)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("0", 0),
        ("0.50", Decimal("0.5")),
        (r'"a\n\u00e9\""', 'a\né"'),
        ("`a\\n`", "a\\n"),
        ("`two\nlines`", "two\nlines"),
    ],
)
def test_a_constant_has_its_exact_value(text: str, value: object) -> None:
    literal = expression(text)

    assert literal.value == value
    assert type(literal.value) is type(value)


def test_a_constant_string_in_brackets_is_a_field() -> None:
    assert expression('x["y"]') == expression("x.y") == n.Field(X, "y", PLACE, PLACE)


def test_any_other_index_stays_an_index() -> None:
    assert expression("xs[x]") == n.Index(XS, X, PLACE)


def test_a_call_keeps_its_dotted_name() -> None:
    assert expression("net.cidr_contains(x, y)") == n.Call(
        "net.cidr_contains", (X, Y), PLACE, PLACE
    )


def test_contains_is_a_function_outside_of_heads() -> None:
    assert expression("contains(x, y)") == n.Call("contains", (X, Y), PLACE, PLACE)


def test_set_without_arguments_is_the_empty_set() -> None:
    assert expression("set()") == n.SetLiteral((), PLACE)


def test_empty_braces_are_an_object() -> None:
    assert expression("{}") == n.ObjectLiteral((), PLACE)


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("x + 1 * y", "x + (1 * y)"),
        ("x - 1 - y", "(x - 1) - y"),
        ("x & xs + y", "x & (xs + y)"),
        ("x | xs & y", "x | (xs & y)"),
        ("x == xs | y", "x == (xs | y)"),
        ("x in xs | y", "x in (xs | y)"),
        ("-1 * x", "(-1) * x"),
    ],
)
def test_operators_bind_as_in_rego(text: str, grouped: str) -> None:
    assert expression(text) == expression(grouped)


def test_brackets_change_the_grouping() -> None:
    assert expression("(x + 1) * y") == binary("*", binary("+", X, ONE), Y)


def test_the_first_bar_in_brackets_begins_a_comprehension() -> None:
    condition = n.Condition(XS, PLACE)

    assert expression("{x | xs}") == n.SetComprehension(
        X, n.Body((condition,), PLACE), PLACE
    )


def test_a_union_in_brackets_is_an_element() -> None:
    assert expression("{(x | xs)}") == n.SetLiteral((binary("|", X, XS),), PLACE)


def test_some_and_every_may_have_a_key() -> None:
    body = read(parse_body, "some x, y in xs\nevery x, y in xs { y }")
    inner = n.Body((n.Condition(Y, PLACE),), PLACE)

    assert body.statements == (
        n.Some(X, Y, XS, PLACE),
        n.Every(X, Y, XS, inner, PLACE),
    )


def test_not_negates_a_whole_comparison() -> None:
    body = read(parse_body, "not x in xs")

    assert body.statements == (n.Not(binary("in", X, XS), PLACE),)


@pytest.mark.parametrize(
    "text",
    [
        "x; y",
        "x\ny",
        "\n\n  x  # why\n\n\t y\n",
        "x\r\ny",
        "x;\n y",
        "# first\nx\n# between\ny\n",
    ],
)
def test_lines_end_with_a_newline_or_a_semicolon(text: str) -> None:
    lines = (n.Condition(X, PLACE), n.Condition(Y, PLACE))

    assert read(parse_body, text).statements == lines


@pytest.mark.parametrize(
    "text",
    [
        "x in [\n  1,\n  y, # last\n]",
        "x in\n  [1, y]",
        "(x\n in [1, y])",
        "x in [1\n,y]",
    ],
)
def test_a_line_goes_on_in_brackets_and_after_operators(text: str) -> None:
    assert read(parse_body, text) == read(parse_body, "x in [1, y]")


def test_bodies_in_brackets_have_lines_of_their_own() -> None:
    lines = "x := [y |\n  some y in {1,\n 2}\n  y > 1\n]\nevery y in x {\n  y\n  1\n}"

    assert print_body(read(parse_body, lines)) == (
        "x := [y | some y in {1, 2}; y > 1]\nevery y in x {\n  y\n  1\n}"
    )


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("x(y)", n.Head(X, (Y,), None, None, PLACE)),
        ("x(y) := 1", n.Head(X, (Y,), ONE, None, PLACE)),
        ("x := 1", n.Head(X, None, ONE, None, PLACE)),
        (
            "x contains {1}",
            n.Head(X, None, None, n.SetLiteral((ONE,), PLACE), PLACE),
        ),
    ],
)
def test_a_head_has_one_of_four_forms(text: str, head: n.Head) -> None:
    assert read(parse_head, text) == head


def test_spans_point_into_the_yaml_file() -> None:
    file = Source("rule.yaml", "when: |\n  x\n  y.z == (1)\n")
    whole = Span(file, 6, len(file.text))
    source = EmbeddedSource(file, "x\ny.z == (1)\n", (10, 14), whole)

    body = parse_body(source, DiagnosticCollector())

    assert body is not None
    condition = body.statements[1]
    assert (condition.span.text, condition.span.begin) == ("y.z == (1)", Position(3, 3))


def test_an_operand_includes_its_brackets() -> None:
    product = expression("(x + 1) * y")

    assert (product.span.text, product.left.span.text) == ("(x + 1) * y", "x + 1")


def test_several_bodies_report_one_error_each() -> None:
    collector = DiagnosticCollector()
    for text in ("x or y", "x =", "x"):
        parse_body(embedded(text), collector)

    assert [found.code for found in collector.sorted()] == ["E111", "E111"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 500_000,
        "(" * (MAX_BRACKETS + 1) + "x" + ")" * (MAX_BRACKETS + 1),
        "x" + " + x" * MAX_HEIGHT,
        "x" + ".x" * (MAX_CHARACTERS // 2 - 1),
        "x" + "[0]" * MAX_HEIGHT,
    ],
    ids=("brackets", "groups", "sum", "fields", "indexes"),
)
def test_depth_is_limited(text: str) -> None:
    assert complaint(text).code == "E112"


def test_brackets_in_strings_and_comments_are_not_depth() -> None:
    many = "[" * 100

    assert read(parse_body, f'x == "{many}" # {many}\nx == `{many}`') is not None


def test_the_deepest_brackets_are_read() -> None:
    assert expression("[" * MAX_BRACKETS + "x" + "]" * MAX_BRACKETS) is not None


def test_a_text_is_limited_in_size() -> None:
    found = complaint("x\n" * MAX_CHARACTERS)

    assert (found.code, found.message) == (
        "E701",
        "the text has 40,000 characters, more than 20,000",
    )


def test_half_a_surrogate_pair_is_refused() -> None:
    assert complaint(r'x == "\ud800"').code == "E110"


@pytest.mark.parametrize(
    "text", ["or(x)", "and == x", "some any in xs", "every for in xs { for }"]
)
def test_words_of_other_languages_may_be_names(text: str) -> None:
    assert read(parse_body, text) is not None


@pytest.mark.parametrize("text", ["some x in xs", "x := 1", "x\ny", "x;"])
def test_a_value_is_one_expression(text: str) -> None:
    assert complaint(text, parse_expression).code == "E110"


def test_messages_never_show_names_of_tokens() -> None:
    texts = ("x [", "x ]", "{x: }", "some", "f(,)", "x y", "x . ", "every x in", ":=")
    words = [word for text in texts for word in _said(complaint(text)).split()]

    assert [word for word in words if word.strip("`").isupper() and len(word) > 3] == []


def _said(found: Diagnostic) -> str:
    return f"{found.message} {found.label.text} {found.help}"
