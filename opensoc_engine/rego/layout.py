"""Tokens become tokens of lines: a newline stays only where it ends a line of a body.

The `|` that begins the body of a comprehension becomes a BAR, which is not the `|` that
joins sets.

As in Rego, a line goes on after an operator or a comma and inside brackets. Bodies of
comprehensions and of `every` stand inside brackets too, and have lines of their own.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, TypeAlias

from lark.lark import PostLex

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lark import Token

NEWLINE = "_NEWLINE"
BAR = "BAR"

# Tokens after which an expression may be complete.
OPERAND_ENDS = frozenset(
    (
        *("NAME", "CONTAINS", "INTEGER", "DECIMAL", "STRING", "RAW_STRING"),
        *("TRUE", "FALSE", "RPAR", "RSQB", "RBRACE", "NULL", "WILDCARD"),
        *("BAD_NUMBER", "SINGLE_QUOTED", "OPEN_STRING", "OPEN_RAW_STRING"),
    )
)

OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}

# Terminals that no rule uses: Lark keeps them because the layout names them.
REFUSED = (
    *("WILDCARD", "NULL", "WITH", "AS", "IF", "ELSE", "DEFAULT", "IMPORT", "PACKAGE"),
    *("FOREIGN", "BAD_NUMBER", "OPEN_STRING", "OPEN_RAW_STRING"),
    *("SINGLE_QUOTED", "UNKNOWN"),
)


class _Frame(Enum):
    """What an open bracket holds."""

    LINES = auto()
    """A body: newlines separate."""
    COLLECTION = auto()
    """An array, set or object; its first `|` begins a body."""
    GROUP = auto()
    """Arguments, an index or a bracketed expression."""


Tokens: TypeAlias = "Iterator[Token]"


class Layout(PostLex):
    """The filter between Lark's lexer and its parser. It keeps no state."""

    always_accept = REFUSED

    def process(self, stream: Tokens) -> Tokens:
        """The tokens without the newlines that separate nothing."""
        frames = [_Frame.LINES]
        newline: Token | None = None
        previous = ""
        for token in stream:
            if token.type == NEWLINE:
                if frames[-1] is _Frame.LINES and previous in OPERAND_ENDS:
                    newline = newline or token
                continue
            if newline and token.type not in CLOSERS and token.type != "SEMICOLON":
                yield newline
                previous = NEWLINE
            newline = None
            kind = token.type
            if kind == "PIPE" and frames[-1] is _Frame.COLLECTION:
                kind = BAR
                frames[-1] = _Frame.LINES
            _follow(frames, kind, previous)
            yield token if kind == token.type else token.update(type=kind)
            # `s contains x` in a head: the word is an operator there, not a name.
            infix = kind == "CONTAINS" and previous in OPERAND_ENDS
            previous = "" if infix else kind


def _follow(frames: list[_Frame], kind: str, previous: str) -> None:
    if kind in OPENERS:
        frames.append(_opened(kind, after_operand=previous in OPERAND_ENDS))
    elif kind in CLOSERS and len(frames) > 1:
        frames.pop()


def _opened(kind: str, *, after_operand: bool) -> _Frame:
    if kind == "LPAR":
        return _Frame.GROUP
    if after_operand:
        return _Frame.LINES if kind == "LBRACE" else _Frame.GROUP
    return _Frame.COLLECTION
