"""Text of a body becomes the same text in canonical form, comments and layout kept.

Each line is printed by `printer`. What stands on several lines stays on several, blank
lines stay, and comments stay where they are. The result says what the text said and has
its comments, or there is no result: then the text is to be left as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.rego import nodes as n
from opensoc_engine.rego.parser import parse_body, parse_expression
from opensoc_engine.rego.printer import print_expression, print_statement
from opensoc_engine.source import EmbeddedSource, Source, Span, line_starts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_INDENT = 2
_COMMENTS = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"?|`[^`]*`?|(#[^\n]*)')
# What may stand between two lines, on the rest of one line.
_REST = re.compile(r"[ \t\r;]*(?P<comment>#.*)?")


class _KeepError(Exception):
    """Something stands where the printer can't put it again."""


def format_body(text: str) -> str | None:
    """The lines of a body, with a newline at the end; None to leave it as it is."""
    body = _parsed(text)
    if body is None:
        return None
    layout = _Layout(text)
    try:
        layout.lines(body.statements, 0, len(text), 0)
    except _KeepError:
        return None
    formatted = "\n".join(layout.written) + "\n"
    # `repr` tells `true` from `1`, which are equal in Python.
    same = repr(_parsed(formatted)) == repr(body)
    return formatted if same and _comments(formatted) == _comments(text) else None


def format_line(text: str) -> str | None:
    """A body that stands on one line, on one line; None to leave it as it is."""
    body = _parsed(text)
    if body is None or "\n" in text or _comments(text):
        return None
    return "; ".join(map(print_statement, body.statements))


def format_expression(text: str) -> str | None:
    """An expression on one line; None to leave it as it is."""
    expression = parse_expression(_embedded(text), DiagnosticCollector())
    if expression is None or "\n" in text or _comments(text):
        return None
    return print_expression(expression)


def _embedded(text: str) -> EmbeddedSource:
    """The text as a file of its own, so that places are offsets in it."""
    source = Source("", text)
    return EmbeddedSource(source, text, line_starts(text), Span(source, 0, len(text)))


def _parsed(text: str) -> n.Body | None:
    return parse_body(_embedded(text), DiagnosticCollector())


def _comments(text: str) -> list[str]:
    found = (match[1] for match in _COMMENTS.finditer(text))
    return [comment.rstrip() for comment in found if comment]


@dataclass(slots=True)
class _Layout:
    """Writes lines; `written` never has two blank ones in a row."""

    text: str
    written: list[str] = field(default_factory=list)

    def lines(
        self, statements: Sequence[n.Statement], start: int, end: int, indent: int
    ) -> None:
        """Write the lines of a body that stands between two offsets."""
        at, first = start, len(self.written)
        for statement in statements:
            self._between(self.text[at : statement.span.start], indent, first)
            self._statement(statement, indent)
            at = statement.span.end
        self._between(self.text[at:end], indent, first)
        while len(self.written) > first and not self.written[-1]:
            self.written.pop()

    def _between(self, text: str, indent: int, first: int) -> None:
        """Write the comments and blank lines between two statements."""
        rest, *lines = text.split("\n")
        comment = _comment(rest)
        if comment and self.written:
            space = rest[: rest.index("#")].replace(";", "")
            self.written[-1] += (space or " ") + comment
        elif comment:
            self.written.append(comment)
        for at, line in enumerate(lines):
            comment = _comment(line)
            if comment:
                self.written.append(" " * indent + comment)
            elif at < len(lines) - 1 and len(self.written) > first:
                self._blank()

    def _blank(self) -> None:
        if self.written[-1]:
            self.written.append("")

    def _statement(self, statement: n.Statement, indent: int) -> None:
        span = statement.span
        if "\n" not in span.text:
            self.written.append(" " * indent + print_statement(statement))
        elif isinstance(statement, n.Every):
            self._every(statement, indent)
        else:
            comprehension = next(_spread(statement), None)
            if comprehension is None:
                self._verbatim(span, indent)
            else:
                self._comprehension(statement, comprehension, indent)

    def _every(self, every: n.Every, indent: int) -> None:
        if "\n" in self.text[every.span.start : every.collection.span.end]:
            self._verbatim(every.span, indent)
            return
        opened = self.text.index("{", every.collection.span.end) + 1
        head = _cut(print_statement(every), every.body)
        self._nested(head, every.body, (opened, every.span.end - 1), indent)
        self.written.append(" " * indent + "}")

    def _comprehension(
        self, statement: n.Statement, node: _Comprehension, indent: int
    ) -> None:
        whole, part = print_statement(statement), print_expression(node)
        if whole.count(part) != 1:
            raise _KeepError
        before, _, after = whole.partition(part)
        opened = self.text.rindex("|", node.span.start, node.body.span.start) + 1
        head = before + _cut(part, node.body)
        self._nested(head, node.body, (opened, node.span.end - 1), indent)
        self.written.append(" " * indent + part[-1] + after)

    def _nested(
        self, head: str, body: n.Body, place: tuple[int, int], indent: int
    ) -> None:
        self.written.append(" " * indent + head)
        self.lines(body.statements, *place, indent + _INDENT)

    def _verbatim(self, span: Span, indent: int) -> None:
        """Write lines as they are, moved as a whole."""
        first, *rest = span.text.split("\n")
        self.written.append(" " * indent + first.rstrip())
        moved = indent - (span.begin.column - 1)
        for line in rest:
            depth = len(line) - len(line.lstrip(" "))
            self.written.append(
                (" " * max(depth + moved, 0) + line.lstrip(" ")).rstrip()
            )


_Comprehension = n.ArrayComprehension | n.SetComprehension | n.ObjectComprehension


def _comment(line: str) -> str:
    """The comment on the rest of a line.

    Raises:
        _KeepError: Something else stands there.
    """
    rest = _REST.fullmatch(line)
    if rest is None:
        raise _KeepError
    return (rest["comment"] or "").rstrip()


def _cut(printed: str, body: n.Body) -> str:
    """What is printed before the body that ends a text."""
    inner = "; ".join(map(print_statement, body.statements))
    return printed[: printed.rindex(inner)].rstrip()


def _spread(statement: n.Statement) -> Iterator[_Comprehension]:
    """The comprehension of a line that alone makes it stand on several lines."""
    span = statement.span
    text = span.source.text
    waiting = [
        getattr(statement, "expression", None),
        getattr(statement, "value", None),
    ]
    waiting.append(getattr(statement, "collection", None))
    while waiting:
        part = waiting.pop(0)
        if isinstance(part, _Comprehension):
            outside = (
                text[span.start : part.span.start] + text[part.span.end : span.end]
            )
            head = text[part.span.start : part.body.span.start].partition("|")[0]
            if "\n" not in outside and "\n" not in head:
                yield part
        elif isinstance(part, n.Call):
            waiting += part.arguments
        elif isinstance(part, n.Binary):
            waiting += (part.left, part.right)
