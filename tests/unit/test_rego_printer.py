from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.parser import parse_body, parse_expression, parse_head
from opensoc_engine.rego.printer import print_body, print_expression, print_head
from opensoc_engine.source import EmbeddedSource, Source, Span

PLACE = Span(Source("a", ""), 0, 0)


def read(parse: Any, text: str) -> Any:
    whole = Span(Source("a", text), 0, len(text))
    tree = parse(EmbeddedSource(whole.source, text, (), whole), DiagnosticCollector())

    assert tree is not None
    return tree


@pytest.mark.parametrize(
    ("written", "printed"),
    [
        ("((x))+1", "x + 1"),
        ("(x-1)-(y-1)", "x - 1 - (y - 1)"),
        ("(x*y)|z", "x * y | z"),
        ("(x==y)==z", "(x == y) == z"),
        ("(x in xs)==true", "(x in xs) == true"),
        ("x- -1", "x - -1"),
        ('x["y"]["z-z"]["in"]', 'x.y["z-z"]["in"]'),
        ("(x|y).z", "(x | y).z"),
        ("{ }", "{}"),
        ("set( )", "set()"),
        ("[(x|y),1,]", "[(x | y), 1]"),
        ("{(x==y|z)}", "{(x == y | z)}"),
        ("f((x|y))", "f(x | y)"),
        ("[(x+1)|x;y]", "[(x + 1) | x; y]"),
        ("{x+1:y|every z in xs{z}}", "{x + 1: y | every z in xs { z }}"),
        ("1.50", "1.5"),
        ("2.0", "2.0"),
    ],
)
def test_an_expression_has_one_form(written: str, printed: str) -> None:
    assert print_expression(read(parse_expression, written)) == printed


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ('say "hi"', r'"say \"hi\""'),
        (r"^\d+$", r"`^\d+$`"),
        ("`\\`", '"`\\\\`"'),
        ("a\\\n", r'"a\\\n"'),
        ("é\t", r'"é\t"'),
        (Decimal("1E+3"), "1000.0"),
    ],
)
def test_a_constant_has_one_form(value: str | Decimal, printed: str) -> None:
    assert print_expression(n.Literal(value, PLACE)) == printed


def test_a_body_has_one_line_a_statement() -> None:
    body = read(parse_body, "some k,v in o;not v;every x in v{x;every y in x{y}};z:=1")

    assert print_body(body).splitlines() == [
        "some k, v in o",
        "not v",
        "every x in v {",
        "  x",
        "  every y in x {",
        "    y",
        "  }",
        "}",
        "z := 1",
    ]


def test_a_line_never_starts_with_a_minus() -> None:
    assert print_body(read(parse_body, "(-1<x)")) == "(-1 < x)"


@pytest.mark.parametrize(
    "text", ["f(x, y)", "f(x) := x + 1", "limit := 3", "names contains x.name"]
)
def test_a_head_has_one_form(text: str) -> None:
    assert print_head(read(parse_head, text)) == text
