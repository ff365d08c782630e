"""What is wrong with a YAML text, in plain words.

The YAML library says what its grammar expected; here that becomes what the author did
and should do. Characters that can't be seen are refused before parsing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from opensoc_engine.diagnostics import Label, diagnose
from opensoc_engine.policy.yaml_nodes import MAX_DEPTH
from opensoc_engine.source import Span

if TYPE_CHECKING:
    import yaml

    from opensoc_engine.diagnostics import Diagnostic
    from opensoc_engine.source import Source

# Control characters, line breaks other than LF and CRLF (YAML versions and editors
# disagree about them), and characters that reorder what a reviewer sees.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]|\r(?!\n)"
)
_BYTE_ORDER_MARK = "\ufeff"


class _Words(NamedTuple):
    """A pattern of the library's problem, what it means, and advice."""

    pattern: str
    problem: str
    help: str


_OPENED = "opened here"
_WORDS = (
    _Words(
        "tab character",
        "a tab can't indent",
        "indent with spaces",
    ),
    _Words(
        "mapping values are not allowed",
        "a `:` can't stand here",
        "quote the text if it holds `: `, or check the indentation",
    ),
    _Words(
        "block sequence entries are not allowed",
        "a list item can't start here",
        "write each `- ` item on a line of its own, below the key",
    ),
    _Words(
        "did not find expected key|expected <block end>",
        "this does not fit the indentation or the quotes above it",
        "align keys of one mapping, and end each value with its line",
    ),
    _Words(
        "expected '-' indicator",
        "this line is not an item of the list above",
        "start it with `- `, or indent it under the item that it belongs to",
    ),
    _Words(
        "expected ',' or ']'",
        "a `,` or `]` is missing in a list",
        "separate items by `,` and close the list with `]`",
    ),
    _Words(
        "expected ',' or '}'",
        "a `,` or `}` is missing in a mapping",
        "separate pairs by `,` and close the mapping with `}`",
    ),
    _Words(
        "could not find expected ':'",
        "a `:` is missing after a key",
        "write `key: value`",
    ),
    _Words(
        "unexpected end of stream",
        "the quote is never closed",
        "close it, or write the text as a block: `|`",
    ),
    _Words(
        "unexpected document separator",
        "the quote is never closed",
        "close it before the line that starts with `---` or `...`",
    ),
    _Words(
        "unknown escape character",
        "unknown escape in double quotes",
        "use single quotes or a block (`|`), where `\\` is an ordinary character",
    ),
    _Words(
        "hexdecimal number|hexadecimal number|Unicode character escape",
        "this escape does not name a character",
        "use single quotes or a block (`|`), where `\\` is an ordinary character",
    ),
    _Words(
        "comment or line break",
        "text can't stand beside `|` or `>`",
        "start it on the next line, indented",
    ),
    _Words(
        "expected <document start>|expected '<document start>'",
        "nothing can follow the end of the document",
        "remove it, or close quotes and brackets later",
    ),
)
_PLAIN_START = _Words(
    "cannot start any token", "{character} can't start a value", "quote the text"
)


def hidden_character(source: Source) -> Diagnostic | None:
    """The first character that a reader of the text can't see, if there is one."""
    if source.text.startswith(_BYTE_ORDER_MARK):
        problem = "it starts with a byte order mark"
        advice = "save it as UTF-8 without a byte order mark"
        return diagnose("E107", Span(source, 0, 1), help=advice, problem=problem)
    found = _HIDDEN.search(source.text)
    if found is None:
        return None
    code = f"{ord(found[0]):04X}"
    advice = f'write it in double quotes as `"\\u{code}"`, or remove it'
    problem = f"the hidden character U+{code} is not allowed"
    return diagnose("E101", Span(source, *found.span()), help=advice, problem=problem)


def explain_error(error: yaml.YAMLError, source: Source) -> Diagnostic:
    """The diagnostic for an exception of the YAML library."""
    found = str(getattr(error, "problem", None) or getattr(error, "reason", error))
    at = _index(getattr(error, "problem_mark", None))
    if "nesting depth" in found:
        # Newer releases of the library have a limit of their own, which is higher.
        return diagnose("E104", Span(source, at, at), limit=MAX_DEPTH)
    context = getattr(error, "context_mark", None)
    words = _words(found, source.text[at : at + 1])
    if "the quote is never" in words.problem:
        at, context = _index(context), None
    others = () if context is None else (_label(_index(context), source, at),)
    return diagnose(
        "E101",
        Span(source, at, min(at + 1, len(source.text))),
        help=words.help or None,
        others=tuple(label for label in others if label is not None),
        problem=words.problem,
    )


def _words(problem: str, character: str) -> _Words:
    if _PLAIN_START.pattern in problem:
        if character == "\t":
            return _WORDS[0]
        shown = f"`{character}`" if character != "`" else "a backtick"
        return _PLAIN_START._replace(problem=f"{shown} can't start a value")
    for words in _WORDS:
        if re.search(words.pattern, problem):
            return words
    return _Words("", problem, "")


def _index(mark: Any) -> int:
    return mark.index if mark is not None else 0


def _label(at: int, source: Source, problem_at: int) -> Label | None:
    """A second label at an opening bracket; other contexts say nothing to authors."""
    if at == problem_at or source.text[at : at + 1] not in "[{":
        return None
    return Label(Span(source, at, at + 1), _OPENED)
