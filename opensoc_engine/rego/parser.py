"""Text of a policy becomes a tree, or one diagnostic that says what to write instead.

Any text at all gives one of the two, in time linear in its length: size and nesting are
limited before the grammar is asked.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from lark import Lark, Token, Tree, UnexpectedToken

from opensoc_engine.rego import complaints
from opensoc_engine.rego.builder import TreeBuilder
from opensoc_engine.rego.complaints import RefusedError
from opensoc_engine.rego.layout import Layout
from opensoc_engine.rego.syntax_errors import explain

if TYPE_CHECKING:
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.rego.complaints import Complaint
    from opensoc_engine.rego.nodes import Body, Expression, Head
    from opensoc_engine.source import EmbeddedSource

# Brackets, and the texts in which a bracket means nothing.
_BRACKETS = re.compile(
    r'"(?:[^"\\\n]|\\[^\n])*"?|`[^`]*`?|#[^\n]*|(?P<open>[(\[{])|(?P<close>[)\]}])'
)


def parse_body(source: EmbeddedSource, collector: DiagnosticCollector) -> Body | None:
    """The lines of a body; None if they can't be parsed, which is then reported."""
    body: Body | None = _parse(source, "body", collector)
    return body


def parse_expression(
    source: EmbeddedSource, collector: DiagnosticCollector
) -> Expression | None:
    """One expression; None if it can't be parsed, which is then reported."""
    expression: Expression | None = _parse(source, "alone", collector)
    return expression


def parse_head(source: EmbeddedSource, collector: DiagnosticCollector) -> Head | None:
    """The head of a helper; None if it can't be parsed, which is then reported."""
    head: Head | None = _parse(source, "head", collector)
    return head


def _parse(source: EmbeddedSource, rule: str, collector: DiagnosticCollector) -> Any:
    try:
        _limit(source.text)
        return TreeBuilder(source).build(_tree(source.text, rule))
    except RefusedError as refused:
        collector.add(refused.complaint.diagnostic(source))
    return None


def _limit(text: str) -> None:
    complaint = _nested_too_deep(text[: complaints.MAX_CHARACTERS])
    if complaint is None and len(text) > complaints.MAX_CHARACTERS:
        complaint = complaints.too_long(len(text))
    if complaint is not None:
        raise RefusedError(complaint)


def _nested_too_deep(text: str) -> Complaint | None:
    depth = 0
    for match in _BRACKETS.finditer(text):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth = max(depth - 1, 0)
        if depth > complaints.MAX_BRACKETS:
            return complaints.too_deep(*match.span(), complaints.MAX_BRACKETS)
    return None


def _tree(text: str, rule: str) -> Tree[Token]:
    """Lark's tree.

    Raises:
        RefusedError: The grammar does not have the text.
    """
    try:
        return _grammar().parse(text, start=rule)
    except UnexpectedToken as unexpected:
        tokens = tuple(_grammar().lex(text))
        raise RefusedError(explain(text, rule, tokens, unexpected.token)) from None


@cache
def _grammar() -> Lark:
    """The grammar's tables: built on the first use, in less than 0.1 s."""
    text = files(__package__).joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="basic",
        postlex=Layout(),
        start=["body", "alone", "head"],
        keep_all_tokens=True,
        maybe_placeholders=False,
    )
