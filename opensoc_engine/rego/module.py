"""A Rego module becomes statements: heads and bodies with their places, still as text.

Nothing is parsed here but what stands outside of heads and bodies. What no statement of
the policy language can be (imports, defaults, `else`) is reported with its place. Time
and memory are linear in the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opensoc_engine.diagnostics import diagnose
from opensoc_engine.source import EmbeddedSource, Source, Span, line_starts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.diagnostics import DiagnosticCollector

_TOKEN = re.compile(
    r'(?P<text>"(?:[^"\\\n]|\\[^\n])*"?|`[^`]*`?)|(?P<comment>\#[^\n]*)|(?P<line>\n)'
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>:=|[^\s])"
)
# A line goes on after these.
_GO_ON = frozenset((":=", "=", ",", "if", "contains", "in", *"+-*/%|&<>.:"))
_ALLOWED_IMPORTS = re.compile(r"import\s+(rego\.v1|future\.keywords(\.\w+)?)\s*")
_PACKAGE = re.compile(r"package\s+([A-Za-z_][\w.]*)\s*")
_REFUSED = {
    "default": "say what absence means with `object.get(x, key, default)`",
    "else": "write a second rule whose body excludes the first",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A rule of a module.

    Attributes:
        head: What stands before `if`.
        body: The inside of the braces, or the one line after `if`; None without `if`.
        comments: The comments right above, without `#`.
    """

    head: EmbeddedSource
    body: EmbeddedSource | None
    comments: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True)
class RegoModule:
    """The statements of a module, in its order.

    Attributes:
        package: Its path, such as `opensoc.verifier.c2_beacon`.
        comments: The comments right above `package`.
    """

    package: str
    comments: tuple[str, ...]
    statements: tuple[Statement, ...]
    source: Source

    @property
    def span(self) -> Span:
        """The place of the whole module."""
        return Span(self.source, 0, len(self.source.text))


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Chunk:
    """The tokens of a statement, with the depth of brackets before each."""

    tokens: tuple[_Token, ...]
    depths: tuple[int, ...]
    comments: tuple[str, ...]

    def outer(self, word: str, start: int = 0) -> int | None:
        """Where a word stands first from a token on, outside of brackets."""
        places = (
            at
            for at in range(start, len(self.tokens))
            if self.tokens[at].text == word and not self.depths[at]
        )
        return next(places, None)


def read_module(source: Source, collector: DiagnosticCollector) -> RegoModule | None:
    """The statements of a module; None if anything in it is not for policies."""
    package, statements, problems = "", [], 0
    above: tuple[str, ...] = ()
    for chunk in _chunks(source.text):
        span = Span(source, chunk.tokens[0].start, chunk.tokens[-1].end)
        first = chunk.tokens[0].text
        named = _PACKAGE.fullmatch(span.text)
        if named and not package:
            package, above = named[1], chunk.comments
        elif first == "import" and _ALLOWED_IMPORTS.fullmatch(span.text):
            continue
        elif (problem := _problem(chunk, package)) is not None:
            problems += 1
            _report(problem, span, collector)
        else:
            statements.append(_statement(chunk, span))
    if not package and not problems:
        problems += 1
        problem = ("E110", "the module has no package", "begin it with `package name`")
        _report(problem, Span(source, 0, 0), collector)
    if problems:
        return None
    return RegoModule(package, above, tuple(statements), source)


def embedded(source: Source, start: int, end: int) -> EmbeddedSource:
    """A piece of a file as a text of its own."""
    text = source.text[start:end]
    offsets = tuple(start + at for at in line_starts(text))
    return EmbeddedSource(source, text, offsets, Span(source, start, end))


def _report(
    problem: tuple[str, str, str], span: Span, collector: DiagnosticCollector
) -> None:
    code, what, advice = problem
    # The template of E110 has a problem, that of E111 a feature.
    collector.add(diagnose(code, span, help=advice, problem=what, feature=what))


def _problem(chunk: _Chunk, package: str) -> tuple[str, str, str] | None:
    """What is wrong with a statement: a code, its words, and what to do."""
    first = chunk.tokens[0].text
    if first == "package":
        return "E110", "a second package, or not a plain path", "write `package a.b`"
    if not package:
        return "E110", "the module does not begin with its package", "write it first"
    if first == "import":
        advice = "write `data.<list>` in full; only `import rego.v1` has a meaning"
        return "E111", "an import", advice
    for word, advice in _REFUSED.items():
        if chunk.outer(word) is not None:
            return "E111", f"`{word}`", advice
    brace, condition = chunk.outer("{"), chunk.outer("if")
    follows = brace and chunk.tokens[brace - 1].kind in ("word", "close")
    if follows and condition is None and chunk.outer("contains") is None:
        return "E110", "a body without `if`", "write `if` before the brace"
    if condition is None and len(chunk.tokens) == 1:
        return "E110", f"`{first}` is no rule", "write `name := value`"
    return None


def _chunks(text: str) -> Iterator[_Chunk]:
    """The statements of a text, as tokens."""
    tokens: list[_Token] = []
    depths: list[int] = []
    comments: list[str] = []
    depth, before = 0, ""
    for token in _tokens(text):
        if token.kind == "comment" and not tokens:
            comments.append(token.text.removeprefix("#").removeprefix(" "))
        if token.kind == "line":
            if tokens and not depth and tokens[-1].text not in _GO_ON:
                yield _Chunk(tuple(tokens), tuple(depths), tuple(comments))
                tokens, depths, comments = [], [], []
            if not tokens and before == "line":
                comments = []
        elif token.kind != "comment":
            depth -= token.kind == "close" and depth > 0
            tokens.append(token)
            depths.append(depth)
            depth += token.kind == "open"
        before = token.kind
    if tokens:
        yield _Chunk(tuple(tokens), tuple(depths), tuple(comments))


def _tokens(text: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(text):
        yield _Token(found.lastgroup or "", found[0], *found.span())


def _statement(chunk: _Chunk, span: Span) -> Statement:
    source, tokens, condition = span.source, chunk.tokens, chunk.outer("if")
    if condition is None:
        head = embedded(source, span.start, span.end)
        return Statement(head, None, chunk.comments, span)
    last = tokens[condition - 1].end if condition else span.start
    head = embedded(source, span.start, last)
    first = tokens[condition + 1] if condition + 1 < len(tokens) else None
    start, end = tokens[condition].end, span.end
    closes = chunk.outer("}", condition) == len(tokens) - 1
    if first is not None and first.text == "{" and closes:
        start, end = first.end, tokens[-1].start
    return Statement(head, embedded(source, start, end), chunk.comments, span)
